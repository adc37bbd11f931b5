import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { Figure } from "./figures.ts";
import type { FinkReport } from "./fink-worker.ts";
import type { Scenario } from "./scenario.ts";

const WORKER = fileURLToPath(new URL("./fink-worker.ts", import.meta.url));
const FULL_LETTERS = 400;
const QUICK_LETTERS = 120;

/**
 * The FINK bridge by itself, its gateway in memory: what a letter and the metadata cost on the wire and in the codec,
 * beside the same bytes moved and the same keys used by bare libraries in the same process.
 */
export const fink: Scenario = {
  name: "fink",
  title: "FINK: letters per second and transport, metadata of 20 and 2 000 entities",
  async run({ plan, env, say }) {
    say("letters over SOAP and AS4, then metadata");
    const letters = plan.name === "quick" ? QUICK_LETTERS : FULL_LETTERS;
    const child = spawn(process.execPath, [WORKER, String(letters)], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, ...env },
    });
    const [printed, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
    if (code !== 0) throw new Error(`the worker ended with ${String(code)}`);
    return { figures: figuresOf(JSON.parse(printed) as FinkReport), books: [] };
  },
};

function figuresOf({ rates, metadata }: FinkReport): readonly Figure[] {
  const letters = rates.map(({ id, what, ours, bare, bytes }) => ({
    ...{ id: `fink-${id}`, what, value: ours, unit: "/s" },
    facts: {
      "plain POSTs of the same bytes (/s)": bare,
      "share of them": ours / bare,
      "bytes of a request": bytes,
    },
  }));
  const loads = metadata.map(({ entities, ours, bare, bytes }) => ({
    id: `fink-metadata-${entities}`,
    what: `load, verify and index metadata of ${entities} entities`,
    ...{ value: ours, unit: "ms" },
    facts: { "bare libraries (ms)": bare, "× bare": ours / bare, bytes },
  }));
  return [...letters, ...loads];
}
