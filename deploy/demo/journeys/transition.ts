import { readFileSync, writeFileSync } from "node:fs";
import { parseDocument } from "yaml";
import { runCli } from "../gateway.ts";
import { letterBlock, until } from "../reader.ts";
import { CITIZENS, PILOT_ACCOUNT, PILOT_COHORT, type PilotWorld } from "../worlds/pilot.ts";
import {
  confirmationsOf,
  countPlaces,
  placesOf,
  promisedFor,
  sendLetter,
  Stream,
  type PilotLetter,
} from "./pilot-letters.ts";
import { homeserverAway, STEPS, type Phase, type Step } from "./pilot-steps.ts";
import type { Journey } from "./steps.ts";

/** Lines of a command's output that are shown. */
const SHOWN = 24;

/** What the pilot has been through so far. */
interface Pilot {
  readonly journey: Journey;
  readonly world: PilotWorld;
  /** Makes file numbers and marks unique, also when the journey is gone through again. */
  readonly run: string;
  readonly letters: PilotLetter[];
  /** The decision of every letter, as it was read first. */
  readonly decided: Map<string, string | undefined>;
}

/** A pilot group goes from the old mailbox to Matrix and one step back, while its authority goes on writing. */
export async function pilotMoves(journey: Journey): Promise<void> {
  const { pilot: world } = journey.stack;
  if (world === undefined) throw new Error("this stack has no pilot");
  const run = Date.now().toString(36);
  const pilot: Pilot = { journey, world, run, letters: [], decided: new Map() };
  await observePilot(pilot);
  for (const step of STEPS) await takeStep(pilot, step);
  await confirmOnce(pilot);
  await showHistory(pilot);
}

async function observePilot(pilot: Pilot): Promise<void> {
  const { journey, world } = pilot;
  const { timeline } = journey;
  timeline.chapter(
    "6  Umstellung: eine Pilotgruppe in NRW zieht vom BundID-Postfach nach Matrix um",
  );
  timeline.chapter(
    "6.1  Ausgangslage: observe. Alles bleibt, wie es ist; das Gateway zählt nur mit",
  );
  timeline.say("Pilotgruppe", "vier Postfächer, zwei mit Matrix-Konto; Emil gehört nicht dazu", {
    "Mit Matrix": namesOf((it) => it.inPilot && it.inMatrix),
    "Ohne Matrix": namesOf((it) => it.inPilot && !it.inMatrix),
  });
  await Promise.all(batch(pilot, "vorab", "observe").map((letter) => sendLetter(world, letter)));
  await checkAll(pilot);
  await compareSides(pilot);
}

async function takeStep(pilot: Pilot, step: Step): Promise<void> {
  const { journey, world } = pilot;
  const { timeline } = journey;
  timeline.chapter(step.title);
  if (step.command[1] === "apply") await editAndPlan(pilot, step);
  const streams = CITIZENS.map((citizen) => streamTo(pilot, step, citizen));
  await Promise.all(streams.map((stream) => stream.more(1)));
  timeline.say("Störung", step.trouble.says);
  await step.trouble.begin(journey);
  const sending = batch(pilot, "unterwegs", step.from).map((letter) => sendLetter(world, letter));
  try {
    const before = await untilUnderWay(pilot, step);
    await applyPlan(pilot, step);
    // Some of them may have arrived meanwhile; that each keeps its decision is checked with all the others.
    timeline.check(`beim Umschalten waren ${before} Schreiben unterwegs`, before > 0);
  } finally {
    await step.trouble.end(journey);
  }
  timeline.say("Störung", "ist vorbei");
  await Promise.all(sending);
  // The next letters are begun after the plan is known for sure.
  await Promise.all(streams.map((stream) => stream.more(1)));
  await Promise.all(streams.map((stream) => stream.stop()));
  const last = streams.map((stream, n) => ({ stream, citizen: CITIZENS[n] }));
  await Promise.all(batch(pilot, "danach", step.to).map((letter) => sendLetter(world, letter)));
  await checkAll(pilot);
  const moved = last.filter(({ citizen }) => citizen?.inPilot && citizen.inMatrix);
  timeline.check(
    `der offene Vorgang steht jetzt auf ${step.caseAfter}`,
    moved.every(({ stream }) => pilot.decided.get(lastOf(stream)) === step.caseAfter),
  );
  await compareSides(pilot);
}

/** The operator changes one word of the configuration and looks at what it would do. */
async function editAndPlan({ journey }: Pilot, { from, to }: Step): Promise<void> {
  const { stack, timeline } = journey;
  const { configFile } = stack.written;
  const file = parseDocument(readFileSync(configFile, "utf8"));
  file.setIn(["transition", "cohorts", 0, "phase"], to);
  writeFileSync(configFile, String(file));
  timeline.say("Betrieb", `ändert in config.yaml die Kohorte ${PILOT_COHORT}: ${from} → ${to}`);
  const plan = await runCli(["plan", "--config", configFile]);
  timeline.check("angesehen, bevor es gilt: postfach-bridge plan", plan.ok, plan.output);
  timeline.show(plan.output, SHOWN);
}

/** Puts it in force on the command line, and waits until the running gateway has noticed. */
async function applyPlan({ journey }: Pilot, { command }: Step): Promise<void> {
  const { stack, gateway, timeline } = journey;
  const applied = await runCli([...command, "--config", stack.written.configFile]);
  timeline.check(
    `in Kraft gesetzt: postfach-bridge ${command.join(" ")}`,
    applied.ok,
    applied.output,
  );
  const lines = applied.output.split("\n");
  timeline.show(lines.filter((line) => /letters in flight|is in force/.test(line)).join("\n"), 2);
  const { plans } = (await gateway.admin("/api/v1/plan/history?limit=1")) as {
    plans: { seq: number }[];
  };
  const wanted = plans[0]?.seq;
  await until("the gateway to notice the plan", async () => {
    const { seq } = (await gateway.admin("/api/v1/plan")) as { seq: number };
    return seq === wanted || undefined;
  });
}

/** One letter in a new case to every citizen; `phase` is that of the pilot. */
function batch(pilot: Pilot, name: string, phase: Phase): PilotLetter[] {
  const n = pilot.letters.length;
  const letters = CITIZENS.map((citizen) => {
    const mark = `${pilot.run}-${name}-${n}-${citizen.name}`;
    const phases = [citizen.inPilot ? phase : "observe"];
    return { mark, citizen, reference: `WG-${mark}`, phases };
  });
  pilot.letters.push(...letters);
  return letters;
}

/** The open case of this citizen: it lasts through all steps. */
function streamTo(pilot: Pilot, step: Step, citizen: (typeof CITIZENS)[number]): Stream {
  const phases = citizen.inPilot ? step.caseBetween : ["observe"];
  return new Stream(pilot.world, (n) => {
    const mark = `${pilot.run}-laufend-${step.to}-${step.from}-${citizen.name}-${n}`;
    const letter = { mark, citizen, reference: `WG-${pilot.run}-${citizen.name}`, phases };
    pilot.letters.push(letter);
    return letter;
  });
}

function lastOf(stream: Stream): string {
  return stream.letters.at(-1)?.mark ?? "";
}

/** So many letters of the account are accepted and not handed over yet. */
async function underWay({ journey }: Pilot): Promise<number> {
  const path = `/api/v1/letters?account=${PILOT_ACCOUNT}&limit=1000`;
  const { letters } = (await journey.gateway.admin(path)) as { letters: { state: string }[] };
  return letters.filter(({ state }) => state !== "delivered").length;
}

/** Of every letter of the batch, what the trouble stops is under way: see what each phase hands over where. */
async function untilUnderWay(pilot: Pilot, { from, trouble }: Step): Promise<number> {
  const stopped = CITIZENS.filter((citizen) => {
    const side = trouble === homeserverAway ? "matrix" : "old";
    const phase = citizen.inPilot ? from : "observe";
    const places = promisedFor({ mark: "", citizen, reference: "", phases: [] }, phase);
    return side === "old" ? places?.old === 1 : places?.letter === 1;
  });
  return until("letters under way", async () => {
    const count = await underWay(pilot);
    return count >= stopped.length ? count : undefined;
  });
}

/** Every letter so far, on both sides: exactly where the phase in which it was decided says, none twice, none lost. */
async function checkAll(pilot: Pilot): Promise<void> {
  const { journey, letters } = pilot;
  const { stack, timeline } = journey;
  await until("nothing to be under way", async () => (await underWay(pilot)) === 0 || undefined);
  for (const letter of letters) await checkDecision(pilot, letter);
  const wrong = await until("every letter in its place", async () => {
    const counted = await countPlaces(stack, CITIZENS);
    const found = letters.flatMap((letter) => {
      const is = placesOf(letter.mark, counted);
      const should = promisedFor(letter, pilot.decided.get(letter.mark));
      return JSON.stringify(is) === JSON.stringify(should) ? [] : [{ ...letter, is, should }];
    });
    const missing = found.some(({ is, should }) => total(is) < total(should));
    return missing ? undefined : { found, counted };
  }).catch(async () => ({ found: ["missing"], counted: await countPlaces(stack, CITIZENS) }));
  const { old, letters: inMatrix, copies } = wrong.counted;
  timeline.check(
    `${letters.length} Schreiben, jedes genau dort, wo die Phasentabelle es sagt: BundID-Postfach ` +
      `${old.length}, Matrix ${inMatrix.length} Schreiben und ${copies.length} Kopien; keines doppelt, keines verloren`,
    wrong.found.length === 0,
    JSON.stringify(wrong.found),
  );
}

function total(places: { old: number; letter: number; copy: number } | undefined): number {
  return places ? places.old + places.letter + places.copy : 0;
}

/** What was decided at acceptance is what the sender may expect, and it never changes. */
async function checkDecision({ journey, decided }: Pilot, letter: PilotLetter): Promise<void> {
  const path = `/api/v1/plan/explain?message=${letter.id ?? ""}`;
  const { letter: found } = (await journey.gateway.admin(path)) as { letter: { phase?: string } };
  const { phase } = found;
  const isKnown = decided.has(letter.mark);
  const may = letter.citizen.inMatrix ? letter.phases.includes(phase ?? "") : phase === undefined;
  if (!may || (isKnown && decided.get(letter.mark) !== phase))
    throw new Error(`${letter.mark} is decided ${phase}, not ${letter.phases.join(" or ")}`);
  decided.set(letter.mark, phase);
}

/** The evidence for the decision to go on. */
async function compareSides({ journey }: Pilot): Promise<void> {
  const { stack, timeline } = journey;
  const compared = await runCli(["compare", PILOT_ACCOUNT, "--config", stack.written.configFile]);
  timeline.check(
    `der Nachweis: postfach-bridge compare ${PILOT_ACCOUNT}`,
    compared.ok,
    compared.output,
  );
  timeline.show(compared.output, SHOWN);
}

/** Everybody reads everything in Matrix: the authority hears of each letter that counts there once, of copies never. */
async function confirmOnce(pilot: Pilot): Promise<void> {
  const { journey, world, letters, decided } = pilot;
  for (const { name, inMatrix } of CITIZENS) {
    if (!inMatrix) continue;
    const reader = await journey.stack.person(name);
    for (const [roomId, events] of reader.rooms) {
      const last = events.findLast((event) => letterBlock(event) !== undefined);
      if (last) await reader.client.sendReceipt(roomId, last.event_id);
    }
  }
  const counts = (letter: PilotLetter) =>
    promisedFor(letter, decided.get(letter.mark))?.letter === 1;
  const confirmed = () => letters.filter((letter) => confirmationsOf(world, letter) > 0).length;
  const expected = letters.filter(counts).length;
  await until("the confirmations", () => confirmed() >= expected || undefined);
  journey.timeline.check(
    `${expected} Lesebestätigungen beim Fachverfahren, je Schreiben eine, für Kopien keine`,
    letters.every((letter) => confirmationsOf(world, letter) === (counts(letter) ? 1 : 0)),
  );
}

async function showHistory({ journey }: Pilot): Promise<void> {
  const { stack, timeline } = journey;
  const history = await runCli(["plan", "history", "--config", stack.written.configFile]);
  timeline.check("was in Kraft war: postfach-bridge plan history", history.ok, history.output);
  timeline.show(history.output, SHOWN);
}

function namesOf(wanted: (citizen: (typeof CITIZENS)[number]) => boolean): string {
  return CITIZENS.filter(wanted)
    .map(({ name }) => name)
    .join(", ");
}
