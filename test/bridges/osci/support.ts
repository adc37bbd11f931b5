import { createPrivateKey, X509Certificate } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { NO_LEGACY, type LegacyPolicy } from "../../../bridges/osci/wire/algorithms.ts";
import { OsciError } from "../../../bridges/osci/wire/errors.ts";
import { KeyRing, type Identity } from "../../../bridges/osci/wire/keys.ts";
import { readMessage, type Message } from "../../../bridges/osci/wire/message-read.ts";
import { receiveMessage, type Received } from "../../../bridges/osci/wire/receive.ts";
import { collect, sourceOf, type ByteStream } from "../../../bridges/osci/wire/stream.ts";
import { GatewayError } from "../../../src/model/errors.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
export const FIXTURES = path.join(root, "fixtures", "osci");
/** Recordings of the reference implementation; not part of the repository. */
export const RECORDINGS = path.join(root, "..", "shared", "vectors", "osci");
export const HAS_RECORDINGS = existsSync(RECORDINGS);

export const SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256";
export const SHA512 = "http://www.w3.org/2001/04/xmlenc#sha512";
export const GCM = {
  uri: "http://www.w3.org/2009/xmlenc11#aes256-gcm",
  ivLength: 12,
} as const;
export const ALL_LEGACY: LegacyPolicy = { cbc: true, rsa15: true };

export interface Keys {
  readonly ring: KeyRing;
  readonly byName: ReadonlyMap<string, Identity>;
  trusts(certificate: X509Certificate): boolean;
}

export function loadKeys(folder: string): Keys {
  const byName = new Map<string, Identity>();
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".key.pem"))) {
    const name = file.slice(0, -".key.pem".length);
    byName.set(name, {
      privateKey: createPrivateKey(readFileSync(path.join(folder, file))),
      certificate: new X509Certificate(readFileSync(path.join(folder, `${name}.cert.pem`))),
    });
  }
  const known = [...byName.values()].map(({ certificate }) => certificate.fingerprint512);
  return {
    ring: new KeyRing(byName.values()),
    byName,
    trusts: (certificate) => known.includes(certificate.fingerprint512),
  };
}

export function identity(keys: Keys, name: string): Identity {
  const found = keys.byName.get(name);
  if (found === undefined) throw new Error(`no key ${name}`);
  return found;
}

/** Messages as they stand on the wire, below `folder`. */
export function wireFiles(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => /(?:outer|SOAPFault-\d+)\.mime$/.test(file))
    .sort();
}

export interface ReceiveChoices {
  readonly legacy?: LegacyPolicy;
  readonly required?: boolean;
  readonly encryptionRequired?: boolean;
  readonly trusts?: (certificate: X509Certificate) => boolean;
  readonly maxXmlBytes?: number;
  readonly signal?: AbortSignal;
}

export async function receive(
  bytes: Uint8Array,
  keys: Keys,
  choices: ReceiveChoices = {},
): Promise<Received> {
  return receiveMessage(sourceOf(bytes), {
    ring: keys.ring,
    legacy: choices.legacy ?? NO_LEGACY,
    encryptionRequired: choices.encryptionRequired ?? false,
    ...(choices.maxXmlBytes === undefined ? {} : { xml: { maxBytes: choices.maxXmlBytes } }),
    ...(choices.signal === undefined ? {} : { signal: choices.signal }),
    signature: {
      required: choices.required ?? false,
      trusts: choices.trusts ?? ((certificate) => keys.trusts(certificate)),
    },
  });
}

/** Received and read to the last field. */
export async function readAll(
  bytes: Uint8Array,
  keys: Keys,
  choices: ReceiveChoices = {},
): Promise<Message> {
  const received = await receive(bytes, keys, choices);
  if (received.kind === "fault") throw new Error(`a fault: ${received.fault.code}`);
  return readMessage(received.envelope);
}

/** "accepted", or why not: `<code> <OSCI code>`. Anything but a refusal is thrown. */
export async function verdict(run: () => Promise<unknown>): Promise<string> {
  try {
    await run();
    return "accepted";
  } catch (error) {
    if (error instanceof OsciError) return `${error.code} ${error.osciCode}`;
    if (error instanceof GatewayError) return error.code;
    throw error;
  }
}

export async function bytesOf(stream: ByteStream): Promise<Buffer> {
  return collect(stream, Number.MAX_SAFE_INTEGER, "a test stream");
}

export function fixture(...names: readonly string[]): Buffer {
  return readFileSync(path.join(FIXTURES, ...names));
}

/** The bytes with one text replaced by another, at every place or at the first. Throws when it is not there. */
export function edited(
  bytes: Buffer,
  from: string | RegExp,
  to: string | ((match: string, ...groups: string[]) => string),
): Buffer {
  // Latin-1 keeps every byte of binary parts.
  const text = bytes.toString("latin1");
  const replacement = typeof to === "string" ? () => Buffer.from(to).toString("latin1") : to;
  const changed = text.replace(from, replacement as () => string);
  if (changed === text) throw new Error(`nothing to change: ${String(from)}`);
  return Buffer.from(changed, "latin1");
}

/** A small linear generator, so that a failure can be repeated by its seed. */
export function random(seed: number): (limit: number) => number {
  let state = seed * 2_654_435_761;
  return (limit) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * limit);
  };
}
