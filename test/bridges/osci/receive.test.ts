import path from "node:path";
import { describe, expect, it } from "vitest";
import { NO_LEGACY } from "../../../bridges/osci/wire/algorithms.ts";
import { openPackage } from "../../../bridges/osci/wire/content-open.ts";
import { readMessage } from "../../../bridges/osci/wire/message-read.ts";
import { takeAttachments, type AttachmentSink } from "../../../bridges/osci/wire/receive.ts";
import { drain, sourceOf, type ByteSource } from "../../../bridges/osci/wire/stream.ts";
import { bytesOf, edited, fixture, FIXTURES, loadKeys, receive, verdict } from "./support.ts";

const keys = loadKeys(path.join(FIXTURES, "keys"));
const message = fixture("plain-unsigned", "02-StoreDelivery.outer.mime");

/** First reading of `first`, second one of `second`. */
async function take(
  first: Buffer,
  second: ByteSource,
  sink: AttachmentSink,
): Promise<readonly string[]> {
  const received = await receive(first, keys);
  if (received.kind === "fault") throw new Error("a fault");
  const { content, certificates } = readMessage(received.envelope);
  const transport = { ring: keys.ring, legacy: NO_LEGACY };
  const contents = await openPackage(content, { ...transport, certificates });
  const { attachments } = received;
  const options = { transport, attachments, contents, digestMethods: [] };
  const taken = await takeAttachments(second, options, sink);
  return [...taken.keys()];
}

describe("the second reading", () => {
  it("hands out the plaintext of every attachment once", async () => {
    const plain = new Map<string, string>();
    const names = await take(message, sourceOf(message), async ({ cid, encrypted }, body) => {
      plain.set(`${cid} ${String(encrypted)}`, (await bytesOf(body)).toString());
    });
    expect([...names].sort()).toEqual(["enc_test.txt", "test.txt"]);
    expect([...plain].sort()).toEqual([
      ["enc_test.txt true", "secret attachment bytes"],
      ["test.txt false", "plain attachment bytes\r\n--not a boundary\r\n"],
    ]);
  });

  it("refuses a source that is not what it was", async () => {
    const other = edited(message, "plain attachment", "plain attachmemt");
    const run = take(message, sourceOf(other), (_attachment, body) => drain(body));
    expect(await verdict(() => run)).toBe("INPUT_HOSTILE 9100");
  });

  it("hands an error of the sink on and reads no further", async () => {
    let sinks = 0;
    const run = take(message, sourceOf(message), async () => {
      sinks += 1;
      throw new Error("disk full");
    });
    await expect(run).rejects.toThrow("disk full");
    expect(sinks).toBe(1);
  });

  it("breaks off in the middle of the plaintext when an encrypted attachment was changed", async () => {
    const received = await receive(message, keys);
    if (received.kind === "fault") throw new Error("a fault");
    const [name] = [...received.attachments.keys()].filter((cid) => cid.startsWith("enc"));
    expect(name).toBe("enc_test.txt");
    const start = message.indexOf("<enc_test.txt>");
    const changed = Buffer.from(message);
    const index = changed.indexOf("\r\n\r\n", start) + 4 + 20;
    changed[index] = (changed[index] ?? 0) ^ 1;
    const seen: string[] = [];
    const run = take(changed, sourceOf(changed), async ({ cid }, body) => {
      await drain(body);
      seen.push(cid);
    });
    expect(await verdict(() => run)).toBe("INPUT_INVALID 9202");
    expect(seen).not.toContain("enc_test.txt");
  });
});

describe("limits", () => {
  it("hold for the XML part", async () => {
    const run = (): Promise<unknown> => receive(message, keys, { maxXmlBytes: 1000 });
    expect(await verdict(run)).toBe("INPUT_HOSTILE 9100");
  });

  it("end when the signal says so", async () => {
    const run = receive(message, keys, { signal: AbortSignal.abort(new Error("stop")) });
    await expect(run).rejects.toThrow("stop");
  });
});
