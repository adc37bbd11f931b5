import { createHash, randomFillSync } from "node:crypto";
import { closeSync, createReadStream, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { below, type Figure } from "./figures.ts";
import { flowIn, flowOut } from "./flow.ts";
import { AIMS } from "./plan.ts";
import { residentBytes, resetPeak } from "./process.ts";
import type { Scenario } from "./scenario.ts";
import { startStage, type Stage } from "./stage.ts";
import { until } from "./wait.ts";

const MEGABYTE = 1_000_000;
const WARM_UP = 200;

/** Resident memory of the gateway while one large attachment passes. */
export const memory: Scenario = {
  name: "memory",
  title: "memory of the gateway while a large attachment passes",
  async run({ plan, dir, env, say }) {
    say("starting homeserver and gateway");
    const stage = await startStage({ dir, kind: "simulated", plan, env });
    try {
      await flowIn(stage, plan, "warmin", WARM_UP);
      await flowOut(stage, plan, "warmout", WARM_UP);
      const size = plan.attachmentBytes;
      const file = writeFile(join(dir, "attachment"), size);
      const megabytes = size / MEGABYTE;
      say(`${megabytes} MB, legacy → Matrix`);
      const into = await watchPeak(stage, () => sendIn(stage, file));
      say(`${megabytes} MB, Matrix → legacy`);
      const out = await watchPeak(stage, () => sendOut(stage, file));
      return {
        figures: [
          peakFigure("memory-in", `peak RSS, ${megabytes} MB legacy → Matrix`, into, megabytes),
          peakFigure("memory-out", `peak RSS, ${megabytes} MB Matrix → legacy`, out, megabytes),
        ],
        books: [],
      };
    } finally {
      await stage.close();
    }
  },
};

interface TestFile {
  readonly path: string;
  readonly size: number;
  readonly digest: string;
}

/** Random bytes: nothing on the way can make them smaller. */
function writeFile(path: string, size: number): TestFile {
  const hash = createHash("sha256");
  const handle = openSync(path, "w");
  const block = Buffer.alloc(MEGABYTE);
  for (let written = 0; written < size; written += block.length) {
    randomFillSync(block);
    hash.update(block);
    writeSync(handle, block);
  }
  closeSync(handle);
  return { path, size, digest: `sha256:${hash.digest("hex")}` };
}

interface Peak {
  readonly before: number;
  readonly peak: number;
  readonly seconds: number;
}

/** `pass` answers how to compare what arrived: that is no part of the measurement. */
async function watchPeak(
  { gateway }: Stage,
  pass: () => Promise<() => Promise<void>>,
): Promise<Peak> {
  const { pid } = gateway.child;
  resetPeak(pid);
  const before = residentBytes(pid).now;
  const start = performance.now();
  const verify = await pass();
  const seconds = (performance.now() - start) / 1_000;
  const { peak } = residentBytes(pid);
  await verify();
  return { before, peak, seconds };
}

function peakFigure(id: string, what: string, peak: Peak, megabytes: number): Figure {
  return {
    ...{ id, what, value: peak.peak / MEGABYTE, unit: "MB", aim: below(AIMS.memory) },
    facts: { "before (MB)": peak.before / MEGABYTE, "MB/s": megabytes / peak.seconds },
  };
}

/** Into the gateway, to the homeserver, and back to its reader, who compares the digest. */
async function sendIn({ door, rooms }: Stage, file: TestFile): Promise<() => Promise<void>> {
  const [room] = rooms;
  if (!room) throw new Error("there is no room");
  const { roomId, person } = room;
  const name = "Anlage-herein.bin";
  const query = { sourceId: "file-in", conversation: "v-0", mailbox: person.mailbox, name };
  const body = createReadStream(file.path);
  await door.putFile({ ...query, text: "Anlage herein" }, body);
  const url = await until("the attachment in its room", async () => {
    const { chunk } = await person.client.messages(roomId, { dir: "b", limit: 20 });
    const event = chunk.find(({ content }) => content["filename"] === name);
    return event && String(event.content["url"]);
  });
  return async () => {
    const answer = await person.client.download(url);
    const hash = createHash("sha256");
    if (answer.body) for await (const chunk of answer.body) hash.update(chunk as Uint8Array);
    compare(file, `sha256:${hash.digest("hex")}`);
  };
}

/** From a person to the homeserver, through the gateway, to the sink of the legacy side, which keeps the digest. */
async function sendOut({ rooms, sink, door }: Stage, file: TestFile): Promise<() => Promise<void>> {
  const [room] = rooms;
  if (!room) throw new Error("there is no room");
  const { roomId, person } = room;
  const name = "Anlage-hinaus.bin";
  const stream = createReadStream(file.path);
  const headers = { "content-length": String(file.size) };
  const type = "application/octet-stream";
  const answer = await person.client.call("POST", "/_matrix/media/v3/upload", {
    raw: stream as never,
    headers: { ...headers, "content-type": type },
    query: { filename: name },
  });
  const info = { mimetype: type, size: file.size };
  const content = {
    msgtype: "m.file",
    body: name,
    filename: name,
    url: answer["content_uri"],
    info,
  };
  await person.client.send(roomId, "m.room.message", content);
  const digests = await until("the attachment on the legacy side", () => sink.digests.get(name));
  await until("the letter on the legacy side", async () =>
    (await door.delivered()).some(({ attachments }) => attachments.includes(file.digest))
      ? true
      : undefined,
  );
  return () => {
    if (digests.length !== 1) throw new Error(`the attachment arrived ${digests.length} times`);
    compare(file, digests[0]);
    return Promise.resolve();
  };
}

function compare({ digest }: TestFile, found: string | undefined): void {
  if (found !== digest) throw new Error(`the attachment is ${found}, sent was ${digest}`);
}
