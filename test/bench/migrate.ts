import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { findSynapse } from "../../deploy/tools/synapse.mjs";
import { projectRoot } from "../../deploy/tools/paths.mjs";
import { makeBaselines } from "./baseline.ts";
import { atLeast } from "./figures.ts";
import type { Books } from "./letters.ts";
import { AIMS, type Plan } from "./plan.ts";
import { residentBytes } from "./process.ts";
import type { Findings, Scenario } from "./scenario.ts";
import { ACCOUNT } from "./settings.ts";
import { startStage, type Stage } from "./stage.ts";
import { pause } from "./wait.ts";

const MAIN = join(projectRoot, "src", "main.ts");
const LETTERS = { full: 10_000, quick: 300 };
const LETTERS_PER_CASE = 10;
/** As fast as it goes: the throttle is the window of letters under way. */
const RATE = "1000";
const SAMPLE_MS = 100;
const KILL_MS = 1_000;
const MB = 1e6;
const HOUR_MS = 3_600_000;

/** The history of many cases over a real Synapse, killed once in the middle. */
export const migrate: Scenario = {
  name: "migrate",
  title: "moving the history over Synapse: rooms, invitations and letters, killed once",
  unavailable() {
    const found = findSynapse();
    return "reason" in found ? (process.env["POSTFACH_NO_SYNAPSE"] ?? found.reason) : undefined;
  },
  async run({ plan, dir, env, say }) {
    say("starting Synapse and gateway");
    const stage = await startStage({ dir, kind: "synapse", plan, env });
    try {
      return await measure(stage, plan, say);
    } finally {
      await stage.close();
    }
  },
};

async function measure(stage: Stage, plan: Plan, say: (text: string) => void): Promise<Findings> {
  const letters = LETTERS[plan.name];
  const file = writeExport(stage, letters);
  say(`${letters} bare sends`);
  const alone = await makeBaselines(stage, plan);
  const bare = letters / (await alone.ghosts(letters));
  say("moving, to be killed soon after the first progress");
  const killed = await runMigrate(stage, file, { kill: true });
  say("moving the rest");
  const rest = await runMigrate(stage, file, { kill: false });
  const { run, verification, left } = answer.parse(JSON.parse(rest.out));
  const [box] = verification.mailboxes;
  const kinds = (kind: string) => verification.differences.filter((it) => it.kind === kind).length;
  const found = verification.mailboxes.reduce((sum, { inMatrix }) => sum + inMatrix, 0);
  const books: Books = {
    ...{ series: "history", sent: letters, arrived: found, lost: letters - found },
    ...{ doubled: kinds("doubled"), reordered: kinds("order") },
  };
  const seconds = killed.seconds + rest.seconds;
  return {
    figures: [
      {
        ...{ id: "migrate-ratio", what: "moving the history, share of bare sends", unit: "" },
        value: letters / seconds / bare,
        aim: atLeast(AIMS.ratio),
        facts: {
          "letters/s with rooms, start twice and verification": letters / seconds,
          "bare sends/s": bare,
          "cases opened": letters / LETTERS_PER_CASE,
          "waiting at the end": left,
          "stored by the second run": run.stored + run.known,
          "mailboxes verified": verification.mailboxes.length,
          "first mailbox": `${box?.inMatrix ?? 0} of ${box?.letters ?? 0}`,
        },
      },
      {
        ...{ id: "migrate-resume", what: "from the start after a kill to the first new progress" },
        ...{ value: rest.firstWord, unit: "s" },
      },
      {
        ...{ id: "migrate-memory", what: "peak RSS of the command", unit: "MB" },
        value: Math.max(killed.peak, rest.peak) / MB,
      },
    ],
    books: [books],
  };
}

const answer = z.object({
  run: z.object({ stored: z.number(), known: z.number() }),
  left: z.number(),
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
}

async function runMigrate(stage: Stage, file: string, { kill }: { kill: boolean }): Promise<Ran> {
  const start = performance.now();
  const given = ["--account", ACCOUNT, "--from", `jsonl:${file}`, "--rate", RATE, "--json"];
  const args = [MAIN, "migrate", ...given, "--config", stage.settings.configFile];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  const out: Buffer[] = [];
  const said: Buffer[] = [];
  let firstWord = 0;
  child.stdout.on("data", (piece: Buffer) => out.push(piece));
  child.stderr.on("data", (piece: Buffer) => {
    said.push(piece);
    if (firstWord === 0) firstWord = (performance.now() - start) / 1_000;
    // Some letters are stored by then, and some are on their way.
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
  return { out: Buffer.concat(out).toString(), seconds, firstWord, peak };
}
