import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { below, type Figure } from "./figures.ts";
import { measureGateway } from "./osci-gateway.ts";
import type { WorkerReport } from "./osci-worker.ts";
import { AIMS } from "./plan.ts";
import type { Ground, Scenario } from "./scenario.ts";

const SIZES = [
  { name: "10 kB", bytes: 10_000, rounds: 41 },
  { name: "1 MB", bytes: 1_000_000, rounds: 21 },
  { name: "50 MB", bytes: 50_000_000, rounds: 5 },
] as const;
/** The largest message that EGVP allows (2. ERVB 2022). */
const LARGEST = 200_000_000;
const MEGABYTE = 1_000_000;
const WORKER = fileURLToPath(new URL("./osci-worker.ts", import.meta.url));

/** OSCI deliveries against OpenSSL doing the same bulk work in the same process. */
export const osci: Scenario = {
  name: "osci",
  title: "OSCI deliveries: compose + sign + encrypt, decrypt + verify",
  async run(ground) {
    const figures: Figure[] = [];
    for (const { name, bytes, rounds } of SIZES) {
      ground.say(`deliveries of ${name}`);
      figures.push(...ratios(name, bytes, await runWorker(ground, bytes, rounds)));
    }
    ground.say("a delivery of 200 MB");
    figures.push(...footprint(await runWorker(ground, LARGEST, 1)));
    figures.push(...(await measureGateway(ground, LARGEST)));
    return { figures, books: [] };
  },
};

function ratios(name: string, bytes: number, report: WorkerReport): readonly Figure[] {
  const aim = bytes === 50_000_000 ? { aim: below(AIMS.osciRatio) } : {};
  const figure = (id: string, what: string, ours: number, bare: number): Figure => ({
    ...{
      id: `osci-${id}-${bytes}`,
      what: `${what}, ${name}`,
      value: ours / bare,
      unit: "× OpenSSL",
    },
    ...aim,
    facts: { "ours (ms)": ours, "OpenSSL (ms)": bare },
  });
  return [
    figure("compose", "compose + sign + encrypt", report.compose, report.bareCompose),
    figure("take", "decrypt + verify", report.take, report.bareTake),
  ];
}

function footprint({ rss, stall }: WorkerReport): readonly Figure[] {
  return [
    {
      ...{ id: "osci-rss", what: "peak RSS, 200 MB delivery both ways", value: rss / MEGABYTE },
      ...{ unit: "MB", aim: below(AIMS.osciMemory) },
    },
    {
      ...{ id: "osci-stall", what: "longest hold of the event loop, 200 MB", value: stall },
      ...{ unit: "ms", aim: below(AIMS.osciStall) },
    },
  ];
}

async function runWorker(ground: Ground, bytes: number, rounds: number): Promise<WorkerReport> {
  const folder = join(ground.dir, `osci-${bytes}`);
  mkdirSync(folder, { recursive: true });
  const child = spawn(process.execPath, [WORKER, folder, String(bytes), String(rounds)], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...ground.env },
  });
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  if (code !== 0) throw new Error(`the worker for ${bytes} bytes ended with ${String(code)}`);
  return JSON.parse(printed) as WorkerReport;
}
