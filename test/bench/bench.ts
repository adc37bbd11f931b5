import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { cacheFolder } from "../../deploy/tools/paths.mjs";
import { acknowledge } from "./acknowledge.ts";
import { OTHERS } from "./clock.ts";
import { fink } from "./fink.ts";
import { isMet, renderFigures, renderTable, type Figure } from "./figures.ts";
import { areClean, type Books } from "./letters.ts";
import { memory } from "./memory.ts";
import { osci } from "./osci.ts";
import { FULL, QUICK, type Plan } from "./plan.ts";
import { describeMachine, type Machine } from "./process.ts";
import { migrate } from "./migrate.ts";
import { ratio } from "./ratio.ts";
import type { Scenario } from "./scenario.ts";
import { throughput } from "./throughput.ts";
import { wire } from "./wire.ts";

/**
 * The measurements. Ends with 0 even when an aim is missed, for this is no test; with 1 when something could not be
 * measured to its end, or when a letter was lost, doubled or out of order.
 */
const SCENARIOS: readonly Scenario[] = [
  acknowledge,
  throughput,
  wire,
  ratio,
  migrate,
  memory,
  osci,
  fink,
];
const USAGE = `npm run bench -- [--quick] [--only <name>[,<name>]] [--profile]
  --quick     fewer letters: a minute instead of several
  --only      ${SCENARIOS.map(({ name }) => name).join(", ")}
  --profile   CPU profiles of the gateway beside the results
`;
const EX_USAGE = 64;
const LIMIT_MS = 20 * 60_000;
/** Cores that other programs may use before the figures are called too low. */
const BUSY_CORES = 0.2;

interface Result {
  readonly scenario: Scenario;
  readonly figures: readonly Figure[];
  readonly books: readonly Books[];
  readonly skipped?: string;
  readonly failed?: string;
}
interface Wish {
  readonly plan: Plan;
  readonly chosen: readonly Scenario[];
  readonly profile: boolean;
}

const folder = join(cacheFolder, "bench");
const started = new Date();
const results: Result[] = [];
const wish = readWish();
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => end(`\nstopped by ${signal}\n`, 1));
setTimeout(() => end(`\nstopped: longer than ${LIMIT_MS / 60_000} minutes\n`, 1), LIMIT_MS).unref();
mkdirSync(folder, { recursive: true });
removeLeftovers();
const machine = describeMachine(folder);
process.stdout.write(`${machine.kind}, Node ${machine.node}, ${wish.plan.name} run\n`);
for (const scenario of wish.chosen) results.push(await runOne(scenario, wish));
process.stdout.write(`\n${render(results)}\n`);
if (busy(results))
  process.stdout.write(
    "\nOther programs used this machine meanwhile (see `by others`): the figures are too low.\n",
  );
const file = keep(machine, wish, results);
process.stdout.write(`\nKept in ${relative(process.cwd(), file)}\n`);
process.exit(results.every(isSound) ? 0 : 1);

function readWish(): Wish {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: "boolean", default: false },
        only: { type: "string" },
        profile: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) end(USAGE, 0);
    const names = values.only?.split(",") ?? SCENARIOS.map(({ name }) => name);
    const chosen = names.map((name) => SCENARIOS.find((one) => one.name === name));
    if (chosen.includes(undefined)) throw new Error(`unknown name in --only ${values.only}`);
    const { quick, profile } = values;
    return {
      plan: quick ? QUICK : FULL,
      chosen: chosen.filter((one) => one !== undefined),
      profile,
    };
  } catch (error) {
    return end(`${describe(error)}\n${USAGE}`, EX_USAGE);
  }
}

function end(text: string, code: number): never {
  process.stdout.write(text);
  process.exit(code);
}

async function runOne(scenario: Scenario, { plan, profile }: Wish): Promise<Result> {
  const nothing = { scenario, figures: [], books: [] };
  const skipped = scenario.unavailable?.();
  process.stdout.write(`\n${scenario.title}\n`);
  if (skipped !== undefined) {
    process.stdout.write(`  not measured: ${skipped}\n`);
    return { ...nothing, skipped };
  }
  const dir = join(folder, `run-${process.pid}`, scenario.name);
  mkdirSync(dir, { recursive: true });
  const env = profile ? profileEnv(scenario) : {};
  const say = (text: string) => process.stdout.write(`  ${text}\n`);
  try {
    const { figures, books } = await scenario.run({ plan, dir, env, say });
    rmSync(dir, { recursive: true, force: true });
    return { scenario, figures, books };
  } catch (error) {
    process.stdout.write(
      `  FAILED: ${describe(error)}\n  its log: ${relative(process.cwd(), dir)}\n`,
    );
    return { ...nothing, failed: describe(error) };
  }
}

/** Data of runs that were cut off; those of a run at the same time stay. */
function removeLeftovers(): void {
  for (const name of readdirSync(folder)) {
    const pid = Number(/^run-(\d+)$/.exec(name)?.[1] ?? Number.NaN);
    if (Number.isNaN(pid) || existsSync(`/proc/${pid}`)) continue;
    rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function profileEnv({ name }: Scenario): Readonly<Record<string, string>> {
  const dir = join(folder, `profile-${name}`);
  rmSync(dir, { recursive: true, force: true });
  return { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${dir}` };
}

function render(all: readonly Result[]): string {
  const figures = renderFigures(all.flatMap((result) => result.figures));
  const head = ["letters", "sent", "arrived", "lost", "doubled", "out of order"];
  const rows = all
    .flatMap((result) => result.books)
    .map(({ series, sent, arrived, lost, doubled, reordered }) =>
      [series, sent, arrived, lost, doubled, reordered].map(String),
    );
  return `${figures}\n\n${renderTable(head, rows)}`;
}

function busy(all: readonly Result[]): boolean {
  return all.some(({ figures }) =>
    figures.some(({ facts = {} }) => Number(facts[OTHERS] ?? 0) > BUSY_CORES),
  );
}

function keep(on: Machine, { plan }: Wish, all: readonly Result[]): string {
  const name = started.toISOString().slice(0, 19).replaceAll(":", "-");
  const target = join(folder, `${name}.json`);
  const content = {
    at: started.toISOString(),
    seconds: Math.round((Date.now() - started.getTime()) / 1_000),
    machine: on,
    plan,
    figures: all
      .flatMap(({ figures }) => figures)
      .map((figure) => ({ ...figure, met: isMet(figure) ?? null })),
    books: all.flatMap(({ books }) => books),
    notMeasured: all.flatMap(({ scenario, skipped, failed }) => {
      const reason = skipped ?? failed;
      return reason === undefined ? [] : [{ scenario: scenario.name, reason }];
    }),
  };
  writeFileSync(target, `${JSON.stringify(content, undefined, 2)}\n`);
  return target;
}

function isSound({ failed, books }: Result): boolean {
  return failed === undefined && books.every(areClean);
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
