import { createHash } from "node:crypto";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import type { Source } from "../../../fixtures/simulators/osci-intermediary/bytes.ts";
import { Party } from "../../../fixtures/simulators/osci-intermediary/party.ts";
import { useIntermediary } from "./intermediary-support.ts";

const bed = useIntermediary();
const megabyte = 1024 * 1024;
setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Bytes that are not all alike, without keeping them. */
function bigSource(megabytes: number): Source {
  return {
    length: megabytes * megabyte,
    async *chunks() {
      for (let index = 0; index < megabytes; index += 1) {
        const piece = Buffer.alloc(megabyte, index % 251);
        piece.writeUInt32BE(index);
        yield piece;
      }
    },
  };
}

describe("a delivery of 200 MB", () => {
  it("comes in and goes out whole, in bounded memory", async () => {
    const intermediary = await bed.start();
    const sender = new Party({ intermediary, ...bed.keys.sender });
    const reader = new Party({ intermediary, ...bed.keys.recipient });
    const files = [
      { name: "a.pdf", content: bigSource(150) },
      { name: "b.pdf", content: bigSource(50) },
    ];
    let most = 0;
    // What is still referenced, not what the collector has not got round to: the bound then does not depend on load.
    const watch = setInterval(() => {
      collectGarbage();
      most = Math.max(most, process.memoryUsage().arrayBuffers);
    }, 100);
    try {
      const party = { safeId: "DE.Test.1", organisation: "Test" };
      const letter = { sender: party, addressee: party, subject: "groß", files };
      await sender.depositLetter(letter, bed.keys.recipient.cipher.certPem);
      const [fetched] = await reader.fetchAll();
      for (const { name, content } of files) {
        const opened = fetched?.containers[0]?.files.find(({ cid }) => cid === name);
        expect(await digest(opened ?? expect.fail())).toBe(await digest(content));
      }
    } finally {
      clearInterval(watch);
      sender.close();
      reader.close();
    }
    expect(most).toBeGreaterThan(0);
    // Client and intermediary share this process. Whoever held even one of the files whole would be at 150 MB and more.
    expect(most).toBeLessThan(128 * megabyte);
  }, 60_000);
});

async function digest(source: Pick<Source, "chunks">): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of source.chunks()) hash.update(piece);
  return hash.digest("hex");
}
