/** A homeserver, a whole gateway over the legacy system with books, and people: fresh for each test of a file. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { startHomeserver, type Homeserver } from "../../fixtures/simulators/homeserver/index.ts";
import type { Phase } from "../../src/bridge/contract.ts";
import { loadConfig, type LoadedConfig } from "../../src/config/load.ts";
import { startGateway, type Gateway } from "../../src/gateway.ts";
import { buildRegistration } from "../../src/matrix/registration.ts";
import { openStorage, type Storage } from "../../src/store/open.ts";
import type { MatrixClient } from "../support/matrix-client.ts";
import { environment } from "../unit/config/sample.ts";
import { findFreePort, recordingLog } from "../unit/matrix/support.ts";
import { SERVER } from "./matrix-harness.ts";
import { createLegacy, type LegacyBooks } from "./transition-legacy.ts";
import { configuration, PEOPLE } from "./transition-site.ts";

/** Those of the running test; import them, they follow. */
export let folder: string;
export let env: Record<string, string>;
export let homeserver: Homeserver;
/** In the order of PEOPLE. */
export let people: readonly MatrixClient[];
export let books: LegacyBooks;
export let gateway: Gateway;
export let storage: Storage;
/** Reads the file again. */
export let load: () => Promise<LoadedConfig>;
/** Writes the file: the phase of both accounts, and what stands beside it. */
export let write: (phase: Phase, more?: string) => void;
export const { log } = recordingLog();

/** Registers the hooks of the test file. */
export function useTransitionStage(phase: Phase): void {
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "pfb-transition-"));
    const ports = await Promise.all([findFreePort(), findFreePort(), findFreePort()]);
    const legacy = createLegacy();
    ({ books } = legacy);
    const file = configFile();
    env = environment();
    const bridges = { available: () => ["books"], load: () => Promise.resolve(legacy.definition) };
    load = () => loadConfig(file, { environment: env, bridges });
    write = (next, more = "") => writeFileSync(file, configuration(ports, next) + more);
    write(phase);
    const { config } = await load();
    const registration = buildRegistration(config.homeserver, config.appservice, ["books"]);
    homeserver = await startHomeserver({ registration, serverName: SERVER, port: ports[0] });
    people = PEOPLE.map((name) => homeserver.registerUser(name));
    storage = await openStorage(config);
    await start();
  });
  afterEach(async () => {
    await gateway.stop();
    await storage.close();
    await homeserver.stop();
    rmSync(folder, { recursive: true, force: true });
  });
}

export const configFile = () => join(folder, "config.yaml");

/** The gateway once more, with what the file says now. */
export async function start(): Promise<void> {
  gateway = await startGateway(await load(), log, { reload: load });
}
