import { createHash, randomFillSync } from "node:crypto";
import { closeSync, createReadStream, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { GatewayProcess } from "../../deploy/demo/gateway.ts";
import { startStack } from "../../deploy/demo/stack.ts";
import { COURT, LEGAL_OFFICE, type EgvpWorld } from "../../deploy/demo/worlds/egvp.ts";
import type { Reader } from "../../deploy/demo/reader.ts";
import { fileSource } from "../../fixtures/simulators/osci-intermediary/bytes.ts";
import { below, type Figure } from "./figures.ts";
import { AIMS, WAIT_MS } from "./plan.ts";
import { residentBytes, resetPeak } from "./process.ts";
import type { Ground } from "./scenario.ts";
import { until } from "./wait.ts";

const MEGABYTE = 1_000_000;
const HEAD = Buffer.from("%PDF-1.7\n%\u{e4}\u{f6}\u{fc}\n", "latin1");
const TAIL = Buffer.from("\n%%EOF\n");
const CLERK = "rechtsamt";

/** Resident memory of the whole gateway while one EGVP delivery of `size` bytes comes in, and one goes out. */
export async function measureGateway(ground: Ground, size: number): Promise<readonly Figure[]> {
  const dir = join(ground.dir, "osci-gateway");
  const stack = await startStack({
    ...{ dir, homeserver: "simulated" },
    egvp: { pollEvery: "1s", cardsEvery: "1s" },
  });
  try {
    const { egvp } = stack;
    if (egvp === undefined) throw new Error("this stack has no EGVP");
    const gateway = await stack.startGateway(ground.env);
    const clerk = await stack.person(CLERK);
    const bench = { gateway, egvp, clerk };
    // The first letter opens the room and loads what every later one needs.
    const small = writePdf(join(dir, "klein.pdf"), 100_000);
    const roomId = await receive(bench, small, "klein-herein.pdf", pass);
    await answer(bench, roomId, small, "klein-hinaus.pdf", pass);
    const large = writePdf(join(dir, "gross.pdf"), size);
    let into: Peak | undefined;
    let out: Peak | undefined;
    const watch = watchPeak(gateway);
    ground.say("200 MB, court → Matrix");
    await receive(bench, large, "gross-herein.pdf", async (work) => (into = await watch(work)));
    ground.say("200 MB, Matrix → court");
    await answer(bench, roomId, large, "gross-hinaus.pdf", async (work) => {
      out = await watch(work);
    });
    if (into === undefined || out === undefined) throw new Error("nothing was measured");
    return [
      peakFigure("osci-gateway-in", "gateway, peak RSS, 200 MB court → Matrix", into, size),
      peakFigure("osci-gateway-out", "gateway, peak RSS, 200 MB Matrix → court", out, size),
    ];
  } finally {
    await stack.close();
  }
}

interface TestFile {
  readonly path: string;
  readonly size: number;
  /** SHA-256, hex. */
  readonly digest: string;
}

/** A PDF by its first and last bytes, and random between them: nothing on the way can make it smaller. */
function writePdf(path: string, size: number): TestFile {
  const hash = createHash("sha256");
  const handle = openSync(path, "w");
  const write = (bytes: Buffer) => {
    hash.update(bytes);
    writeSync(handle, bytes);
  };
  write(HEAD);
  const block = Buffer.alloc(MEGABYTE);
  for (let left = size - HEAD.length - TAIL.length; left > 0; left -= block.length)
    write(randomFillSync(block).subarray(0, Math.min(left, block.length)));
  write(TAIL);
  closeSync(handle);
  return { path, size, digest: hash.digest("hex") };
}

interface Bench {
  readonly gateway: GatewayProcess;
  readonly egvp: EgvpWorld;
  readonly clerk: Reader;
}
type Measure = (work: () => Promise<void>) => Promise<unknown>;
const pass: Measure = (work) => work();

interface Peak {
  readonly before: number;
  readonly peak: number;
  readonly seconds: number;
}
function watchPeak({ child: { pid } }: GatewayProcess) {
  return async (work: () => Promise<void>): Promise<Peak> => {
    resetPeak(pid);
    const before = residentBytes(pid).now;
    const start = performance.now();
    await work();
    const seconds = (performance.now() - start) / 1_000;
    return { before, peak: residentBytes(pid).peak, seconds };
  };
}

function peakFigure(id: string, what: string, { before, peak, seconds }: Peak, size: number) {
  if (Number.isNaN(peak)) throw new Error("this system does not tell the memory of a process");
  return {
    ...{ id, what, value: peak / MEGABYTE, unit: "MB", aim: below(AIMS.osciMemory) },
    facts: { "before (MB)": before / MEGABYTE, "MB/s": size / MEGABYTE / seconds },
  };
}

/** Deposited by the court, read by the clerk, confirmed at the intermediary. Answers its room. */
async function receive(
  { egvp, clerk }: Bench,
  file: TestFile,
  name: string,
  measure: Measure,
): Promise<string> {
  let place: Awaited<ReturnType<Reader["waitFor"]>> | undefined;
  await measure(async () => {
    const { messageId } = await egvp.desk.depositLetter(
      {
        sender: { safeId: egvp.court.safeId, organisation: COURT },
        addressee: { safeId: egvp.office.safeId, organisation: LEGAL_OFFICE },
        ...{ subject: "Akte", text: "Anbei die Akte.", ours: "7 C 200/26" },
        files: [{ name, content: fileSource(file.path, 0, file.size) }],
      },
      egvp.office.cipher.certPem,
    );
    const wanted = (event: { content: Record<string, unknown> }) =>
      event.content["filename"] === name;
    place = await clerk.waitFor(`${name} in its room`, wanted, WAIT_MS);
    await until(
      "the confirmation of the fetch",
      () => egvp.intermediary.card(messageId)?.reception,
    );
  });
  if (place === undefined) throw new Error("nothing was received");
  const { body } = await clerk.client.download(String(place.event.content["url"]));
  const hash = createHash("sha256");
  if (body) for await (const chunk of body) hash.update(chunk as Uint8Array);
  compare(name, file, hash.digest("hex"));
  return place.roomId;
}

/** Written by the clerk, taken by the intermediary, opened by the court. */
async function answer(
  { egvp, clerk: { client } }: Bench,
  roomId: string,
  file: TestFile,
  name: string,
  measure: Measure,
): Promise<void> {
  const mailbox = egvp.court.cipher.certPem;
  const before = egvp.intermediary.deliveries(mailbox).length;
  await measure(async () => {
    const type = "application/pdf";
    const uploaded = await client.call("POST", "/_matrix/media/v3/upload", {
      raw: createReadStream(file.path) as never,
      headers: { "content-length": String(file.size), "content-type": type },
      query: { filename: name },
    });
    await client.send(roomId, "m.room.message", {
      ...{ msgtype: "m.file", body: name, filename: name, url: uploaded["content_uri"] },
      info: { mimetype: type, size: file.size },
    });
    await until("the delivery in the mailbox of the court", () =>
      egvp.intermediary.deliveries(mailbox).length > before ? true : undefined,
    );
  });
  const [delivery, ...others] = egvp.intermediary.deliveries(mailbox).slice(before);
  if (delivery === undefined || others.length > 0)
    throw new Error(`${name} arrived ${others.length + 1} times`);
  const { containers } = await egvp.desk.open(delivery);
  const found = containers.flatMap(({ files }) => files).find(({ cid }) => cid === name);
  const hash = createHash("sha256");
  if (found) for await (const chunk of found.chunks()) hash.update(chunk);
  compare(name, file, hash.digest("hex"));
}

function compare(name: string, { digest }: TestFile, found: string): void {
  if (found !== digest) throw new Error(`${name} is ${found}, sent was ${digest}`);
}
