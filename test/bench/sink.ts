import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Takes files, keeps only their digests. */
export interface Sink {
  readonly url: string;
  /** By name: `sha256:` and hex, in the order of arrival. */
  readonly digests: ReadonlyMap<string, readonly string[]>;
  close(): Promise<void>;
}

export async function openSink(): Promise<Sink> {
  const digests = new Map<string, string[]>();
  const server = createServer((request, response) => {
    const hash = createHash("sha256");
    request.on("data", (chunk: Buffer) => hash.update(chunk));
    request.on("end", () => {
      const name = decodeURIComponent((request.url ?? "/").slice(1));
      digests.set(name, [...(digests.get(name) ?? []), `sha256:${hash.digest("hex")}`]);
      response.end("taken");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    digests,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
