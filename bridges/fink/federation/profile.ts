import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { z } from "zod";
import { GatewayError } from "../../../src/model/errors.ts";
import { TRANSPORTS } from "./settings.ts";

const MAX_CHARACTERS = 20_000;
const name = () => z.string().regex(/^[A-Za-z_][A-Za-z0-9._-]{0,79}$/, "must be an XML name");

const profileSchema = z.strictObject({
  profile: z.string().min(1).max(80),
  extension: z.strictObject({
    namespace: z.string().min(1).max(255),
    element: name(),
    landAttribute: name(),
    adapterAttribute: name(),
    versionAttribute: name(),
    endpoint: name(),
    partyId: name(),
    partyTypeAttribute: name(),
    keyReference: name(),
    keyUseAttribute: name(),
    maxLevel: name(),
    reply: name(),
  }),
  transports: z.record(z.string().min(1).max(80), z.enum(TRANSPORTS)),
});
export type MetadataProfile = z.output<typeof profileSchema>;

/** The names that come with the bridge. Read once, when the module is loaded. */
export const BUILT_IN_NAMES: MetadataProfile = (() => {
  const path = fileURLToPath(new URL("profile.yaml", import.meta.url));
  return parseMetadataProfile(readFileSync(path, "utf8"), "profile.yaml");
})();

/** Throws GatewayError CONFIG_INVALID with every fault. */
export function parseMetadataProfile(text: string, source: string): MetadataProfile {
  if (text.length > MAX_CHARACTERS)
    throw new GatewayError("CONFIG_INVALID", `${source}: more than ${MAX_CHARACTERS} characters`);
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 0 });
  } catch (cause) {
    throw new GatewayError("CONFIG_INVALID", `${source}: is not YAML`, { cause });
  }
  const result = profileSchema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new GatewayError("CONFIG_INVALID", `${source}: ${faults.slice(0, 20).join("; ")}`);
}

export function profileOf(
  file: { readonly source: string; readonly text: string } | undefined,
): MetadataProfile {
  return file === undefined ? BUILT_IN_NAMES : parseMetadataProfile(file.text, file.source);
}
