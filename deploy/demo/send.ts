/**
 * Letters of the authority of the pilot, for whoever follows docs/umstellung.md on the running demonstration:
 * `node deploy/demo/send.mjs [citizen …]`. Sends one letter in a new case to each (default: everybody), and says where
 * it is on both sides.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import { cacheFolder } from "../tools/paths.mjs";
import { CITIZENS, openPilotSender, PILOT_ACCOUNT } from "./worlds/pilot.ts";
import { letterFor } from "./journeys/pilot-letters.ts";

const configFile = join(cacheFolder, "demo", "config.yaml");
const names = process.argv.slice(2);
const unknown = names.filter((name) => !CITIZENS.some((citizen) => citizen.name === name));
if (unknown.length > 0) {
  const known = CITIZENS.map(({ name }) => name).join(", ");
  process.stderr.write(`unbekannt: ${unknown.join(", ")}; es gibt ${known}\n`);
  process.exit(64);
}

const legacy = await openPilotSender(dirname(configFile), inletPort());
try {
  for (const citizen of CITIZENS) {
    if (names.length > 0 && !names.includes(citizen.name)) continue;
    const mark = `${citizen.name}-${Date.now().toString(36)}`;
    const letter = letterFor({ mark, citizen, reference: `WG-${mark}`, phases: [] });
    const { status, json } = await legacy.sendLetter(letter);
    const { id = "", remoteId } = (json ?? {}) as { id?: string; remoteId?: string };
    const taken =
      status !== 200
        ? "nicht angenommen"
        : remoteId === undefined
          ? "angenommen vom Gateway"
          : "angenommen vom BundID-Postfach";
    process.stdout.write(`${citizen.name.padEnd(8)} ${status} ${taken}  ${id}\n`);
    if (status !== 200) process.exitCode = 1;
  }
} finally {
  legacy.close();
}

/** Where the gateway of the demonstration takes letters, as its configuration says. */
function inletPort(): number {
  const { accounts } = parse(readFileSync(configFile, "utf8")) as {
    accounts: { name: string; settings: { inlet?: { listen: string } } }[];
  };
  const listen = accounts.find(({ name }) => name === PILOT_ACCOUNT)?.settings.inlet?.listen;
  return Number(listen?.split(":").at(-1));
}
