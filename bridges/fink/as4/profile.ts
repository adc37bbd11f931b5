import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { z } from "zod";
import { describeError, GatewayError } from "../../../src/model/errors.ts";

/** What the closed profile fixes, and which interface the access point offers. Meanings: profiles/pfisk-as4.yaml. */

const MAX_PROFILE_BYTES = 100_000;

const text = z.string().regex(/^[\x21-\x7e]{1,255}$/, "must be 1 to 255 printable characters");
const cid = z.string().regex(/^cid:[A-Za-z0-9._%+-]{1,100}$/, "must be cid:<name>");
const mediaType = z.string().regex(/^[a-z0-9.+-]{1,60}\/[a-z0-9.+-]{1,60}$/);
const typed = z.strictObject({ value: text, type: text.optional() });

const exchange = z.strictObject({
  service: typed,
  agreement: typed.extend({ pmode: text.optional() }).optional(),
  actions: z.strictObject({ letter: text, acknowledgement: text, readReceipt: text }),
  roles: z.strictObject({ from: text, to: text }),
  partyIdType: text,
  mpc: text.optional(),
});

const properties = z.strictObject({
  originalSender: text,
  finalRecipient: text,
  separator: z.literal("#"),
  type: text.optional(),
  level: text.optional(),
  legalBasis: text.optional(),
  fixed: z.record(text, z.string().min(1).max(1_024)).default({}),
});

const payload = z.strictObject({
  form: text,
  document: z.strictObject({
    href: cid,
    mediaType,
    maxBytes: z.int().min(1_000).max(10_000_000),
  }),
  attachment: z.strictObject({
    href: cid.refine((value) => value.includes("%n"), "must contain %n"),
    nameProperty: text,
    maxParts: z.int().min(0).max(1_000),
  }),
  mediaTypeProperty: text,
});

const backend = z.strictObject({
  upload: z.enum(["inline", "mtom"]),
  statusByRole: z.boolean(),
  maxMessageBytes: z.int().min(10_000).max(1_000_000_000),
  maxPending: z.int().min(1).max(10_000),
  batch: z.int().min(1).max(200),
  retrieveTries: z.int().min(1).max(100),
  absentHours: z.int().min(1).max(8_760),
});

const profileSchema = z.strictObject({
  profile: text,
  exchange,
  properties,
  payload,
  acknowledgement: z.enum(["expected", "none"]),
  backend,
});
export type As4Profile = z.output<typeof profileSchema>;

/** The profile of the account, or the one that comes with the bridge. @throws GatewayError CONFIG_INVALID */
export function as4ProfileFor(
  file: { readonly source: string; readonly text: string } | undefined,
): As4Profile {
  return file === undefined ? BUILT_IN : parseAs4Profile(file.text, file.source);
}

/** @throws GatewayError CONFIG_INVALID */
export function parseAs4Profile(source: string, name: string): As4Profile {
  if (source.length > MAX_PROFILE_BYTES)
    throw new GatewayError("CONFIG_INVALID", `${name}: more than ${MAX_PROFILE_BYTES} characters`);
  let tree: unknown;
  try {
    tree = parse(source, { maxAliasCount: 0, uniqueKeys: true });
  } catch (cause) {
    throw new GatewayError("CONFIG_INVALID", `${name}: ${describeError(cause)}`, { cause });
  }
  const result = profileSchema.safeParse(tree);
  if (result.success) return result.data;
  const lines = result.error.issues.map(
    ({ path, message }) => `${name}: ${path.join(".") || "profile"}: ${message}`,
  );
  throw new GatewayError("CONFIG_INVALID", lines.join("\n"));
}

const BUILT_IN: As4Profile = (() => {
  const path = fileURLToPath(new URL("../profiles/pfisk-as4.yaml", import.meta.url));
  return parseAs4Profile(readFileSync(path, "utf8"), "profiles/pfisk-as4.yaml");
})();
