import { open, readFile } from "node:fs/promises";
import type { InspectOptions, Inspection } from "../../src/bridge/contract.ts";
import { GatewayError } from "../../src/model/errors.ts";
import { BSP_ROOTS, inspectBsp } from "./bsp/inspect.ts";
import { profileFor } from "./bsp/profile.ts";
import { inspectMetadata, METADATA_INSPECT_OPTIONS } from "./inspect-metadata.ts";

export const INSPECT_OPTIONS: Readonly<Record<string, string>> = {
  ...METADATA_INSPECT_OPTIONS,
  profile: "own profile file of BspNachricht",
};

const START_BYTES = 65_536;
const ROOT = /<(?:[A-Za-z_][\w.-]{0,60}:)?([A-Za-z_][\w.-]{0,60})[\s/>]/;

/** A BspNachricht, a receipt, their SOAP envelope, or the metadata of a federation: the root element tells which. */
export async function inspectFile(file: string, given: InspectOptions): Promise<Inspection> {
  const root = await rootOf(file);
  if (root === "EntitiesDescriptor" || root === "EntityDescriptor")
    return inspectMetadata(file, given);
  const known = BSP_ROOTS.find((name) => name === root);
  if (known === undefined) {
    const detail = "neither BspNachricht, BspQuittung, a SOAP envelope nor SAML metadata";
    return {
      kind: "unknown",
      checks: [{ name: "form", ok: false, detail }],
      code: "INPUT_INVALID",
    };
  }
  const profile = profileFor(await profileFile(given.options["profile"]));
  const bytes = await readLimited(file, profile.limits.requestBytes);
  return inspectBsp(bytes, known, file, profile, given.now);
}

async function profileFile(path: string | undefined) {
  return path === undefined ? undefined : { source: path, text: await readFile(path, "utf8") };
}

/** Name of the first element; only a hint, the parsers judge. */
async function rootOf(file: string): Promise<string | undefined> {
  const start = (await readStart(file, START_BYTES)).toString("latin1").replaceAll("\0", "");
  const plain = start.replace(/<!--[^]*?-->/g, "").replace(/<![A-Za-z][^>]*>/g, "");
  return ROOT.exec(plain)?.[1];
}

async function readLimited(file: string, limit: number): Promise<Buffer> {
  const bytes = await readStart(file, limit + 1);
  if (bytes.length > limit) throw new GatewayError("INPUT_HOSTILE", `more than ${limit} bytes`);
  return bytes;
}

async function readStart(file: string, limit: number): Promise<Buffer> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const buffer = Buffer.alloc(Math.min(size, limit));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
