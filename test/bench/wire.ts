import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import type { GatewayProcess } from "../../deploy/demo/gateway.ts";
import { CLARA_MAILBOX } from "../../deploy/demo/worlds/bundid.ts";
import { startStack, type Stack } from "../../deploy/demo/stack.ts";
import { openSender } from "./bare.ts";
import { startClock, usageFacts, type Usage } from "./clock.ts";
import type { Figure } from "./figures.ts";
import { textsOf } from "./flow.ts";
import { keepBooks, readMark, type Mark } from "./letters.ts";
import { readCounters } from "./metrics.ts";
import type { Plan } from "./plan.ts";
import type { Findings, Scenario } from "./scenario.ts";
import { until } from "./wait.ts";
import type { WirePlan, WireResult } from "./wire-worker.ts";

/** Together below the number of letters that the inlet takes at the same time. */
const SENDERS = 2;
const STREAMS = 6;

/** The same over the BundID bridge: mutual TLS, tokens and signatures, schema and limits for every letter. */
export const wire: Scenario = {
  name: "wire",
  title: "letters per second over the BundID interface, simulated homeserver",
  async run({ plan, dir, env, say }) {
    say("starting homeserver, mailbox system and gateway");
    const stack = await startStack({ dir, homeserver: "simulated", bundid: { pollEvery: "1h" } });
    try {
      const gateway = await stack.startGateway(env);
      return await measure(stack, gateway, plan, say);
    } finally {
      await stack.close();
    }
  },
};

async function measure(
  stack: Stack,
  gateway: GatewayProcess,
  plan: Plan,
  say: (text: string) => void,
): Promise<Findings> {
  const letters = plan.wireLetters;
  say("measuring the senders by themselves");
  const alone = await sendToNobody(stack, plan, letters);
  say("opening the rooms");
  await sendIn(stack, gateway, plan, "open", plan.conversations);
  const rooms = await joinRooms(stack);
  say(`${letters} letters, legacy → Matrix`);
  const into = await sendIn(stack, gateway, plan, "in", letters);
  const inBook = keepBooks("in", letters, plan.conversations, await readRooms(stack, rooms));
  say(`${letters} letters, Matrix → legacy`);
  const out = await sendOut(stack, gateway, plan, rooms, letters);
  const outBook = keepBooks("out", letters, plan.conversations, out.collected);
  const figures: Figure[] = [
    {
      ...{
        id: "wire-in",
        what: "legacy → Matrix through the BundID inlet (mTLS, RSA)",
        unit: "/s",
      },
      value: letters / into.seconds,
      facts: { "sender alone": letters / alone, ...stretchFacts(into, letters) },
    },
    {
      ...{ id: "wire-out", what: "Matrix → legacy, until collected from the reply shelf" },
      ...{ value: letters / out.seconds, unit: "/s" },
      facts: stretchFacts(out, letters),
    },
  ];
  return { figures, books: [inBook, outBook] };
}

interface Stretch extends Usage {
  readonly seconds: number;
}

function stretchFacts(stretch: Stretch, letters: number) {
  const { seconds, gatewayCpu } = stretch;
  return {
    "CPU per letter (ms)": (gatewayCpu * 1_000) / letters,
    ...usageFacts([stretch], seconds),
  };
}

function startStretch({ child }: GatewayProcess): () => Stretch {
  const clock = startClock(child.pid);
  return () => ({ seconds: clock.since(Date.now()), ...clock.usage() });
}

function planOf(
  stack: Stack,
  plan: Plan,
  part: Pick<WirePlan, "task" | "series" | "letters">,
): WirePlan {
  const { cn, certPem, keyPem } = stack.bundid.ids.legacy;
  const { conversations, letterBytes } = plan;
  return {
    ...part,
    ...{ conversations, letterBytes, identity: { cn, certPem, keyPem }, mailbox: CLARA_MAILBOX },
    baseUrl: `https://localhost:${stack.bundid.ports.inlet}`,
    caPem: readFileSync(stack.bundid.ids.caFile, "utf8"),
    ...{ worker: 0, workers: 1, streams: STREAMS },
  };
}

async function runWorker(workerData: WirePlan): Promise<WireResult> {
  const worker = new Worker(new URL("./wire-worker.ts", import.meta.url), { workerData });
  const [result] = (await once(worker, "message")) as [WireResult];
  if (Object.keys(result.refused).length > 0)
    throw new Error(`the inlet refused: ${JSON.stringify(result.refused)}`);
  return result;
}

function runSenders(plan: WirePlan): Promise<readonly WireResult[]> {
  const places = Array.from({ length: SENDERS }, (_, worker) => ({ worker, workers: SENDERS }));
  return Promise.all(places.map((place) => runWorker({ ...plan, ...place })));
}

async function sendToNobody(stack: Stack, plan: Plan, letters: number): Promise<number> {
  const { certPem: cert, keyPem: key } = stack.bundid.ids.server;
  const script = new URL("./nobody-worker.ts", import.meta.url);
  const nobody = new Worker(script, { workerData: { cert, key } });
  const [baseUrl] = (await once(nobody, "message")) as [string];
  const start = performance.now();
  await runSenders({
    ...planOf(stack, plan, { task: "send", series: "nobody", letters }),
    baseUrl,
  });
  const seconds = (performance.now() - start) / 1_000;
  await nobody.terminate();
  return seconds;
}

async function sendIn(
  stack: Stack,
  gateway: GatewayProcess,
  plan: Plan,
  series: string,
  letters: number,
): Promise<Stretch> {
  const counters = readCounters(gateway, stack.written);
  const delivered = () =>
    counters.read("postfach_attempt_seconds_count", {
      destination: "matrix",
      outcome: "delivered",
    });
  const before = await delivered();
  const clock = startStretch(gateway);
  await runSenders(planOf(stack, plan, { task: "send", series, letters }));
  await until(
    `${letters} letters of ${series} in Matrix`,
    async () => ((await delivered()) - before >= letters ? true : undefined),
    100,
  );
  return clock();
}

/** The citizen joins every room that she was invited to; answers the rooms by conversation. */
async function joinRooms({ clara }: Stack): Promise<readonly string[]> {
  const rooms: string[] = [];
  const answer = await clara.client.sync({ timeout: 0 });
  for (const roomId of Object.keys(answer.rooms?.invite ?? {})) {
    await clara.client.join(roomId);
    for (const event of await clara.client.timeline(roomId)) {
      const mark = readMark(String(event.content["body"] ?? ""));
      if (mark) rooms[mark.conversation] = roomId;
    }
  }
  return rooms;
}

async function readRooms({ clara }: Stack, rooms: readonly string[]): Promise<readonly Mark[]> {
  const marks: Mark[] = [];
  for (const roomId of rooms)
    for (const event of await clara.client.timeline(roomId)) {
      const mark = readMark(String(event.content["body"] ?? ""));
      if (mark) marks.push(mark);
    }
  return marks;
}

/** The citizen answers in every room; meanwhile the legacy system collects the answers. */
async function sendOut(
  stack: Stack,
  gateway: GatewayProcess,
  plan: Plan,
  rooms: readonly string[],
  letters: number,
): Promise<Stretch & Pick<WireResult, "collected">> {
  const token = stack.clara.client.options.accessToken ?? "";
  const sender = openSender(stack.homeserver.baseUrl);
  const speeches = rooms.map((roomId, conversation) => ({
    ...{ roomId, token },
    contents: textsOf(plan, "out", letters, conversation).map((body) => ({
      msgtype: "m.text",
      body,
    })),
  }));
  const clock = startStretch(gateway);
  const collecting = runWorker(planOf(stack, plan, { task: "collect", series: "out", letters }));
  await sender.sendAll(speeches);
  const { collected } = await collecting;
  const stretch = clock();
  await sender.close();
  return { ...stretch, collected };
}
