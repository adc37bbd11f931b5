/** The last good copy of the metadata and what was known from it, durable in the account's records and blobs. */
import { Readable } from "node:stream";
import { z } from "zod";
import type { BridgeContext } from "../../../src/bridge/contract.ts";
import { GatewayError } from "../../../src/model/errors.ts";
import type { BlobRef } from "../../../src/model/message.ts";
import type { Known } from "./changes.ts";
import { METADATA_LIMITS } from "./metadata.ts";

const instant = z.iso.datetime();
const copySchema = z.object({
  blob: z.object({ digest: z.string(), size: z.int() }),
  sha256: z.string(),
  validUntil: instant,
  /** When these bytes came, and when they were last seen to be the newest ones. */
  fetchedAt: instant,
  confirmedAt: instant,
  from: z.enum(["url", "file", "command"]),
});
const knownSchema = z.object({
  entities: z.record(
    z.string(),
    z.object({ keys: z.string(), endpoint: z.string(), rest: z.string() }),
  ),
  gone: z.record(z.string(), z.string()),
});

export type Copy = z.output<typeof copySchema>;

export interface CopyStore {
  copy(): Promise<Copy | undefined>;
  known(): Promise<Known | undefined>;
  bytes(copy: Copy): Promise<Buffer>;
  keepBytes(bytes: Uint8Array): Promise<BlobRef>;
  keepKnown(known: Known): Promise<void>;
  /** The switch: who reads `copy` next finds this one. */
  keepCopy(copy: Copy): Promise<void>;
  /** SHA-256 of the pushed file that was looked at last, taken or refused. */
  seenFile(): Promise<string | undefined>;
  keepSeenFile(sha256: string): Promise<void>;
}

type Parts = Pick<BridgeContext<unknown>, "records" | "store" | "open">;

export function createCopyStore({ records, store, open }: Parts, federation: string): CopyStore {
  const key = (name: string) => `federation:${federation}:${name}`;
  const read = async <T>(name: string, schema: z.ZodType<T>): Promise<T | undefined> => {
    const text = await records.get(key(name));
    if (text === undefined) return undefined;
    const result = schema.safeParse(JSON.parse(text));
    if (result.success) return result.data;
    throw new GatewayError("INTERNAL", `the record ${key(name)} has an unknown form`);
  };
  const write = (name: string, value: unknown) => records.put(key(name), JSON.stringify(value));
  return {
    copy: () => read("copy", copySchema),
    known: () => read("known", knownSchema),
    bytes: async ({ blob }) => readBounded(await open(blob as BlobRef), "the kept metadata"),
    keepBytes: (bytes) => store("metadata.xml", Readable.from([bytes], { objectMode: false })),
    keepKnown: (known) => write("known", known),
    keepCopy: (copy) => write("copy", copy),
    seenFile: () => records.get(key("file")),
    keepSeenFile: (sha256) => records.put(key("file"), sha256),
  };
}

/** Reads to the end. Throws INPUT_HOSTILE past the limit of metadata, and stops the source. */
export async function readBounded(
  source: AsyncIterable<Uint8Array>,
  what: string,
): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of source) {
    size += piece.byteLength;
    if (size > METADATA_LIMITS.maxBytes)
      throw new GatewayError(
        "INPUT_HOSTILE",
        `${what}: more than ${METADATA_LIMITS.maxBytes} bytes`,
      );
    pieces.push(piece);
  }
  return Buffer.concat(pieces, size);
}
