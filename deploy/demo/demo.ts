import { rmSync } from "node:fs";
import { join, relative } from "node:path";
import { cacheFolder, projectRoot } from "../tools/paths.mjs";
import type { GatewayProcess } from "./gateway.ts";
import type { HomeserverKind } from "./homeserver.ts";
import { JOURNEYS, WHOLE_STACK } from "./journeys/index.ts";
import { settledLetters } from "./journeys/steps.ts";
import { pause } from "./reader.ts";
import { PASSWORD, startStack, type Stack } from "./stack.ts";
import { createTimeline, type Timeline } from "./timeline.ts";

const once = process.argv.includes("--once");
const kind: HomeserverKind =
  process.env["POSTFACH_DEMO_HOMESERVER"] === "simulated" ? "simulated" : "synapse";
const dir = join(cacheFolder, "demo");
const timeline = createTimeline();

let stack: Stack | undefined;
let stopping = false;
process.on("SIGINT", () => void end(130));
process.on("SIGTERM", () => void end(143));

try {
  rmSync(dir, { recursive: true, force: true });
  sayWhere(timeline);
  stack = await startStack({ dir, homeserver: kind, firstRetry: "500ms", ...WHOLE_STACK });
  timeline.say("Homeserver", `${stack.homeserver.kind} läuft`, { URL: stack.homeserver.baseUrl });
  timeline.say("BundID-Postfach", "Simulator läuft (ZBP REST v6)", { URL: stack.bundid.zbp.url });
  timeline.say("OSCI-Intermediär", "Simulator läuft (OSCI-Transport 1.2)", {
    URL: stack.egvp?.intermediary.url ?? "",
  });
  const gateway = await superviseGateway(stack, timeline);
  timeline.say("Postfachbrücke", "läuft", { "Admin-API": gateway.adminUrl });
  for (const { play } of JOURNEYS) await play({ stack, gateway, timeline });
  await checkBooks(gateway, timeline);
  timeline.chapter(
    `Alles angekommen: nichts verloren, nichts doppelt (${timeline.checks} Prüfungen).`,
  );
  if (once) await end(0);
  else showWhereToLook(stack, gateway);
} catch (error) {
  process.stderr.write(`\nDie Vorführung ist gescheitert: ${describe(error)}\n`);
  process.stderr.write(`Protokolle: ${relative(projectRoot, dir)}/gateway.log\n`);
  await end(1);
}

function sayWhere(to: Timeline): void {
  to.chapter("Start");
  if (kind === "simulated")
    to.say("ACHTUNG", "kein Synapse auf diesem Rechner: es läuft der simulierte Homeserver", {
      Grund: process.env["POSTFACH_DEMO_REASON"] ?? "so verlangt",
    });
}

/** Like the service manager of a real installation: a gateway that was killed is started again. */
async function superviseGateway(running: Stack, to: Timeline): Promise<GatewayProcess> {
  const first = await running.startGateway();
  const watch = async (gateway: GatewayProcess) => {
    const { signal, code } = await gateway.child.exited;
    if (stopping) return;
    to.say("Postfachbrücke", `wurde beendet (${signal ?? `Code ${code}`}) und startet neu`);
    await pause(500);
    if (!stopping) await watch(await running.startGateway());
  };
  void watch(first).catch((error: unknown) => {
    process.stderr.write(`${describe(error)}\n`);
    void end(1);
  });
  return first;
}

/** Nothing is owed to anybody any more, nothing is in quarantine. What was refused, its author knows. */
async function checkBooks(gateway: GatewayProcess, to: Timeline): Promise<void> {
  to.chapter("Die Bücher stimmen");
  const letters = await settledLetters(gateway);
  const refused = letters.filter(({ state }) => state === "rejected");
  to.check(`${letters.length} Schreiben im Gateway, keines offen`, letters.length > 0);
  if (refused.length > 0)
    to.say("Postfachbrücke", `${refused.length} davon nicht angenommen, wie im Raum gesagt`, {
      Gründe: refused.map(({ code }) => code).join(", "),
    });
  const { items } = (await gateway.admin("/api/v1/quarantine")) as { items: unknown[] };
  to.check("die Quarantäne ist leer", items.length === 0, JSON.stringify(items));
}

function showWhereToLook(running: Stack, gateway: GatewayProcess): void {
  const config = relative(process.cwd(), running.written.configFile);
  const pid = running.homeserver.kind === "synapse" ? "" : "  (simuliert)";
  process.stdout.write(`
Alles läuft weiter, bis Sie Strg-C drücken.

  Matrix        ${running.homeserver.baseUrl}${pid}
                Anmelden mit einem beliebigen Matrix-Client: clara, bauamt, rechtsamt, nora, anna, bruno, emil, lea, tom, uwe, ida; Kennwort ${PASSWORD}
  ZBP-Postfach  ${running.bundid.zbp.controlUrl}/postfach   (so sieht es der Bürger im BundID-Postfach)
  Intermediär   ${running.egvp?.intermediary.controlUrl ?? ""}   (Postfächer und Laufzettel)
  Konsole       ${gateway.adminUrl}/console/   (Token: cat ${relative(process.cwd(), dir)}/secrets/admin-token)
  Gateway       ${gateway.adminUrl}/ready
  Kommandos     npx postfach-bridge list  --config ${config}
                npx postfach-bridge trace <id> --config ${config}
                npx postfach-bridge check --config ${config}
  Umstellung    docs/umstellung.md führt von hier aus ein ganzes Land von BundID nach Matrix
  Protokoll     ${relative(process.cwd(), gateway.logFile)}
  Ausprobieren  kill -9 ${gateway.child.pid}   beendet das Gateway hart; es startet neu und verliert nichts

`);
}

async function end(code: number): Promise<void> {
  if (stopping) return;
  stopping = true;
  await stack?.close().catch((error: unknown) => process.stderr.write(`${describe(error)}\n`));
  process.exit(code);
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
