import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { projectRoot } from "../../deploy/tools/paths.mjs";
import { makeBaselines } from "./baseline.ts";
import { atLeast } from "./figures.ts";
import type { Books } from "./letters.ts";
import { AIMS, CONCURRENCY, type Plan } from "./plan.ts";
import { residentBytes } from "./process.ts";
import { overSynapse } from "./over-synapse.ts";
import type { Findings } from "./scenario.ts";
import { ACCOUNT } from "./settings.ts";
import type { Stage } from "./stage.ts";
import { pause } from "./wait.ts";

const MAIN = join(projectRoot, "src", "main.ts");
const LETTERS = { full: 10_000, quick: 300 };
const LETTERS_PER_CASE = 10;
/** As fast as it goes: the throttle is the window of letters under way. */
const RATE = "1000";
/** Their seconds are taken times the number of cases. */
const BARE_ROOMS = 100;
const SAMPLE_MS = 100;
/** Of all letters. */
const MARKS = [0.1, 0.5, 1];
const KILL_MS = 1_000;
const MB = 1e6;
const HOUR_MS = 3_600_000;

/** The history of many cases over a real Synapse, killed once in the middle. */
export const migrate = overSynapse(
  "migrate",
  "moving the history over Synapse: rooms, invitations and letters, killed once",
  measure,
);

async function measure(stage: Stage, plan: Plan, say: (text: string) => void): Promise<Findings> {
  const letters = LETTERS[plan.name];
  const cases = letters / LETTERS_PER_CASE;
  const file = writeExport(stage, letters);
  say(`${letters} bare sends`);
  const alone = await makeBaselines(stage, plan);
  const bareSeconds = await alone.ghosts(letters);
  say(`${Math.min(cases, BARE_ROOMS)} bare createRooms`);
  const roomSeconds = (await openBareRooms(stage, Math.min(cases, BARE_ROOMS))) * cases;
  say("moving, to be killed soon after the first progress");
  const began = performance.now();
  const killed = await runMigrate(stage, file, { kill: true, letters });
  say("moving the rest");
  const rest = await runMigrate(stage, file, { kill: false, letters });
  const { run, verification, left, seconds } = answer.parse(JSON.parse(rest.out));
  const whole = (performance.now() - began) / 1_000;
  // The gateway works on while nothing feeds it: from the first letter on everything counts, the restart too.
  const moving = whole - killed.firstWord - seconds.verification;
  const kinds = (kind: string) => verification.differences.filter((it) => it.kind === kind).length;
  const found = verification.mailboxes.reduce((sum, { inMatrix }) => sum + inMatrix, 0);
  const books: Books = {
    ...{ series: "history", sent: letters, arrived: found, lost: letters - found },
    ...{ doubled: kinds("doubled"), reordered: kinds("order") },
  };
  return {
    figures: [
      {
        ...{ id: "migrate-ratio", unit: "" },
        what: "moving the history, share of bare sends alone (rooms, invitations and the restart count against it)",
        value: bareSeconds / moving,
        aim: atLeast(AIMS.ratio),
        facts: {
          "letters/s": letters / moving,
          "bare sends/s": letters / bareSeconds,
          "cases opened": cases,
          "share with both starts, survey and verification": bareSeconds / whole,
          "survey s": seconds.survey,
          "feed s": seconds.feed,
          "waiting for the last s": seconds.handOver,
          "verification s": seconds.verification,
          "waiting at the end": left,
          stored: run.stored,
          "known again after the kill": run.known,
          "mailboxes verified": verification.mailboxes.length,
        },
      },
      {
        ...{ id: "migrate-ratio-rooms", unit: "" },
        what: "moving the history, share of bare sends and bare createRooms with their join and invitation",
        value: (bareSeconds + roomSeconds) / moving,
        facts: {
          "bare rooms/s": cases / roomSeconds,
          "bare rooms measured": Math.min(cases, BARE_ROOMS),
        },
      },
      {
        ...{ id: "migrate-resume", what: "from the start after a kill to the first new progress" },
        ...{ value: rest.firstWord, unit: "s" },
      },
      {
        ...{ id: "migrate-memory", what: "peak RSS of the command", unit: "MB" },
        value: Math.max(killed.peak, rest.peak) / MB,
        facts: memoryFacts(rest.marks),
      },
    ],
    books: [books],
  };
}

function memoryFacts(marks: readonly Mark[]): Record<string, number> {
  return Object.fromEntries(
    marks.flatMap(({ done, command, gateway }) => [
      [`command MB after ${done} letters`, command / MB],
      [`gateway MB after ${done} letters`, gateway / MB],
    ]),
  );
}

/** Seconds per room: what opening a case costs the homeserver, with the state that the gateway gives it, and no gateway. */
async function openBareRooms(stage: Stage, count: number): Promise<number> {
  const [first] = stage.rooms;
  if (!first) throw new Error("a stage needs rooms");
  const { roomId, person } = first;
  const { asToken } = stage.settings;
  const call = async (method: string, path: string, user: string, body?: object) => {
    const url = `${stage.homeserver.baseUrl}/_matrix/client/v3${path}?user_id=${encodeURIComponent(user)}`;
    const headers = { authorization: `Bearer ${asToken}`, "content-type": "application/json" };
    const response = await fetch(url, { method, headers, body: JSON.stringify(body) ?? null });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json() as Promise<unknown>;
  };
  const room = encodeURIComponent(roomId);
  const letter = (await person.client.timeline(roomId)).find((it) => "body" in it.content);
  const ghost = letter?.sender ?? "";
  const state = roomState.parse(await call("GET", `/rooms/${room}/state`, ghost));
  const keeper = state.find(({ type }) => type === "m.room.create")?.sender ?? "";
  const given = state.filter(({ type }) => !MADE_BY_ITSELF.includes(type));
  const initial = given.map(({ type, state_key, content }) => ({ type, state_key, content }));
  const levels = state.find(({ type }) => type === "m.room.power_levels")?.content;
  const open = async () => {
    const body = {
      ...{ preset: "private_chat", room_version: "11", name: "Sache", topic: "Schriftwechsel" },
      ...{ invite: [ghost], initial_state: initial, power_level_content_override: levels },
    };
    const made = roomMade.parse(await call("POST", "/createRoom", keeper, body));
    const id = encodeURIComponent(made.room_id);
    await call("POST", `/rooms/${id}/join`, ghost, {});
    await call("POST", `/rooms/${id}/invite`, keeper, { user_id: person.client.userId });
  };
  const start = performance.now();
  let next = 0;
  const worker = async () => {
    while (next < count) {
      next += 1;
      await open();
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  return (performance.now() - start) / 1_000 / count;
}
const roomMade = z.object({ room_id: z.string() });
const roomState = z.array(
  z.object({
    type: z.string(),
    state_key: z.string(),
    sender: z.string(),
    content: z.record(z.string(), z.unknown()),
  }),
);
const MADE_BY_ITSELF: readonly string[] = [
  ...["m.room.create", "m.room.member", "m.room.power_levels", "m.room.canonical_alias"],
  ...["m.room.name", "m.room.topic"],
];

const answer = z.object({
  run: z.object({ stored: z.number(), known: z.number() }),
  left: z.number(),
  seconds: z.object({
    survey: z.number(),
    feed: z.number(),
    handOver: z.number(),
    verification: z.number(),
  }),
  verification: z.object({
    mailboxes: z.array(z.object({ letters: z.number(), inMatrix: z.number() })),
    differences: z.array(z.object({ kind: z.string() })),
  }),
});

function writeExport({ dir, people }: Stage, letters: number): string {
  const lines = Array.from({ length: letters }, (_, n) => {
    const matter = Math.floor(n / LETTERS_PER_CASE);
    const address = people[matter % people.length]?.mailbox ?? "";
    return JSON.stringify({
      ...{ id: `old-${n}`, conversation: `history-${matter}`, subject: `Sache ${matter}` },
      ...{ sentAt: new Date(Date.UTC(2020, 0, 1) + n * HOUR_MS), text: "x".repeat(2_000) },
      from: { address: "amt", name: "Musteramt", role: "authority" },
      to: [{ address, role: "citizen" }],
    });
  });
  const file = join(dir, "letters.jsonl");
  writeFileSync(file, `${lines.join("\n")}\n`);
  return file;
}

interface Ran {
  readonly out: string;
  readonly seconds: number;
  /** Seconds until it said something about its progress. */
  readonly firstWord: number;
  readonly peak: number;
  /** Resident bytes when a tenth, a half and all of the letters had been fed. */
  readonly marks: readonly Mark[];
}
interface Mark {
  readonly done: number;
  readonly command: number;
  readonly gateway: number;
}

async function runMigrate(
  stage: Stage,
  file: string,
  { kill, letters }: { kill: boolean; letters: number },
): Promise<Ran> {
  const start = performance.now();
  const given = ["--account", ACCOUNT, "--from", `jsonl:${file}`, "--rate", RATE, "--json"];
  const args = [MAIN, "migrate", ...given, "--config", stage.settings.configFile];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  const out: Buffer[] = [];
  const said: Buffer[] = [];
  const marks: Mark[] = [];
  let firstWord = 0;
  child.stdout.on("data", (piece: Buffer) => out.push(piece));
  child.stderr.on("data", (piece: Buffer) => {
    said.push(piece);
    if (firstWord === 0) firstWord = (performance.now() - start) / 1_000;
    // Some letters are stored by then, and some are on their way.
    const done = Number(/^(\d+)\//.exec(piece.toString())?.[1] ?? 0);
    if (done >= letters * (MARKS[marks.length] ?? Number.POSITIVE_INFINITY)) {
      const [command, gateway] = [child.pid ?? 0, stage.gateway.child.pid].map(
        (pid) => residentBytes(pid).now,
      );
      marks.push({ done, command: command ?? 0, gateway: gateway ?? 0 });
    }
    if (kill) setTimeout(() => child.kill("SIGKILL"), KILL_MS);
  });
  const ended = once(child, "close") as Promise<[number | null]>;
  let peak = 0;
  let running = true;
  void ended.finally(() => (running = false));
  while (running) {
    const { peak: now } = residentBytes(child.pid ?? 0);
    if (now > peak) peak = now;
    await pause(SAMPLE_MS);
  }
  const [code] = await ended;
  if (!kill && code !== 0)
    throw new Error(`migrate ended with ${String(code)}: ${Buffer.concat(said).toString()}`);
  const seconds = (performance.now() - start) / 1_000;
  return { out: Buffer.concat(out).toString(), seconds, firstWord, peak, marks };
}
