/** A simulated homeserver and the Matrix side of the gateway beside it: fresh for each test of a file. */
import { afterEach, beforeEach } from "vitest";
import { startHomeserver, type Homeserver } from "../../fixtures/simulators/homeserver/index.ts";
import {
  SERVER,
  planSite,
  startWorld,
  type Site,
  type World,
  type WorldOptions,
} from "./matrix-harness.ts";

/** Those of the running test; import them, they follow. */
export let site: Site;
export let homeserver: Homeserver;
/** The one started last. */
export let world: World;

type HomeserverOptions = Parameters<typeof startHomeserver>[0];
const worlds: World[] = [];

/** Registers the hooks of the test file. */
export function useHomeserver(options: Partial<HomeserverOptions> = {}): void {
  beforeEach(() => open(options));
  afterEach(close);
}

/** Another one in place of that of the test. */
export async function replaceHomeserver(
  change: (registration: HomeserverOptions["registration"]) => HomeserverOptions["registration"] = (
    registration,
  ) => registration,
): Promise<void> {
  await close();
  await open({}, change);
}

/** Everything that was started stops at the end of the test. */
export async function start(options: Partial<WorldOptions> = {}): Promise<World> {
  world = await startWorld({ homeserverUrl: homeserver.baseUrl, site, ...options });
  worlds.push(world);
  return world;
}

async function open(
  options: Partial<HomeserverOptions>,
  change: Parameters<typeof replaceHomeserver>[0] = (registration) => registration,
): Promise<void> {
  site = await planSite();
  const registration = change(site.registration);
  homeserver = await startHomeserver({ registration, serverName: SERVER, ...options });
}

async function close(): Promise<void> {
  for (const one of worlds.splice(0)) await one.stop();
  await homeserver.stop();
}
