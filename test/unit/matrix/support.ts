import { Readable } from "node:stream";
import { createHash } from "node:crypto";
import type { Log } from "../../../src/bridge/contract.ts";
import { GatewayError } from "../../../src/model/errors.ts";
import type { BlobRef } from "../../../src/model/message.ts";
import type { BlobStore } from "../../../src/store/blob-store.ts";

const nothing = () => undefined;
export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };

export interface LoggedLine {
  readonly level: string;
  readonly event: string;
  readonly fields: Record<string, unknown>;
}
export function recordingLog(): { log: Log; lines: LoggedLine[] } {
  const lines: LoggedLine[] = [];
  const at = (level: string) => (fields: Record<string, unknown>, event: string) => {
    lines.push({ level, event, fields });
  };
  const log = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  return { log, lines };
}

export { findFreePort } from "../../../deploy/tools/freeport.mjs";

/** Blobs in memory, for tests of what stands above the blob store. */
export function memoryBlobs(): BlobStore & { readonly all: Map<string, Buffer> } {
  const all = new Map<string, Buffer>();
  return {
    all,
    async put(body, limit) {
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of body as AsyncIterable<Buffer>) {
        size += chunk.byteLength;
        if (size > limit) throw new GatewayError("ATTACHMENT_REJECTED", `more than ${limit} bytes`);
        chunks.push(chunk);
      }
      const bytes = Buffer.concat(chunks);
      const hex = createHash("sha256").update(bytes).digest("hex");
      const digest: BlobRef["digest"] = `sha256:${hex}`;
      all.set(digest, bytes);
      return { digest, size };
    },
    open(ref) {
      const bytes = all.get(ref.digest);
      if (!bytes) return Promise.reject(new GatewayError("NOT_FOUND", "no such blob"));
      return Promise.resolve(Readable.from([bytes], { objectMode: false }));
    },
    has: (ref) => Promise.resolve(all.has(ref.digest)),
  };
}
