import { mkdirSync } from "node:fs";
import { findFreePort } from "../tools/freeport.mjs";
import {
  launchGateway,
  startGatewayProcess,
  writeRegistration,
  type GatewayProcess,
} from "./gateway.ts";
import { startAnyHomeserver, type HomeserverKind, type RunningHomeserver } from "./homeserver.ts";
import { Reader } from "./reader.ts";
import { writeSettings, type StackSettings, type WrittenSettings } from "./settings.ts";
import { startBundidWorld, type BundidOptions, type BundidWorld } from "./worlds/bundid.ts";
import { CLERKS, DEPUTY, startDeskWorld } from "./worlds/desk.ts";
import { startEgvpWorld, type EgvpOptions, type EgvpWorld } from "./worlds/egvp.ts";
import { startFinkWorld, type FinkWorld } from "./worlds/fink.ts";
import { CITIZENS, startPilotWorld, type PilotWorld } from "./worlds/pilot.ts";
import type { Place, World } from "./worlds/world.ts";

export const PASSWORD = "demo-passwort";
const SERVER_NAME = "demo.localhost";

export interface StackOptions extends Omit<
  StackSettings,
  "serverName" | "homeserverUrl" | "ports" | "accounts" | "transition"
> {
  readonly homeserver: HomeserverKind;
  readonly bundid?: BundidOptions;
  /** Default: without it. */
  readonly egvp?: EgvpOptions;
  /** Default: without it. */
  readonly fink?: boolean;
  /** Default: without it. */
  readonly pilot?: boolean;
  /** An authority with function mailboxes. Default: without it. */
  readonly desk?: boolean;
  /** Further legacy systems, of a test. */
  readonly others?: readonly ((place: Place) => Promise<World>)[];
}

/** Everything that a journey needs: homeserver, gateway, legacy systems, and people. */
export interface Stack {
  readonly dir: string;
  readonly written: WrittenSettings;
  readonly homeserver: RunningHomeserver;
  readonly bundid: BundidWorld;
  readonly egvp: EgvpWorld | undefined;
  readonly fink: FinkWorld | undefined;
  readonly pilot: PilotWorld | undefined;
  /** Reads her mailbox in Matrix. */
  readonly clara: Reader;
  /** Writes for the authority in Matrix. */
  readonly bauamt: Reader;
  /** Somebody else with a Matrix account of this name. */
  person(name: string): Promise<Reader>;
  /** Starts the gateway and waits until it is ready. */
  startGateway(env?: Readonly<Record<string, string>>): Promise<GatewayProcess>;
  /** Starts the gateway armed to die; does not wait. */
  launchGateway(env: Readonly<Record<string, string>>): GatewayProcess;
  close(): Promise<void>;
}

/** Starts all but the gateway. Everything listens on 127.0.0.1 and keeps its data in `dir`. */
export async function startStack(options: StackOptions): Promise<Stack> {
  mkdirSync(options.dir, { recursive: true });
  const { dir } = options;
  const place = { dir, serverName: SERVER_NAME };
  const bundid = await startBundidWorld(place, options.bundid);
  const egvp = options.egvp && (await startEgvpWorld(place, options.egvp));
  const fink = options.fink === true ? await startFinkWorld(place) : undefined;
  const pilot = options.pilot === true ? await startPilotWorld(place, bundid) : undefined;
  const desk = options.desk === true ? await startDeskWorld(place, bundid) : undefined;
  const others = await Promise.all((options.others ?? []).map((start) => start(place)));
  const worlds: readonly World[] = [
    bundid,
    ...(egvp ? [egvp] : []),
    ...(fink ? [fink] : []),
    ...(pilot ? [pilot] : []),
    ...(desk ? [desk] : []),
    ...others,
  ];
  const ports = { appservice: await findFreePort(), admin: await findFreePort() };
  const homeserverPort = await findFreePort();
  const written = writeSettings({
    ...options,
    serverName: SERVER_NAME,
    homeserverUrl: `http://127.0.0.1:${homeserverPort}`,
    ports,
    accounts: worlds.flatMap(({ accounts }) => accounts),
    ...(pilot ? { transition: pilot.transition } : {}),
  });
  await writeRegistration(written);
  const homeserver = await startAnyHomeserver({
    ...{ kind: options.homeserver, dir, port: homeserverPort, serverName: SERVER_NAME },
    registrationFile: written.registrationFile,
  });
  const people = new Map<string, Reader>();
  const person = async (name: string) => {
    const known = people.get(name) ?? new Reader(await homeserver.register(name, PASSWORD));
    people.set(name, known);
    return known;
  };
  const clara = await person("clara");
  const bauamt = await person("bauamt");
  if (pilot) for (const { name, inMatrix } of CITIZENS) if (inMatrix) await person(name);
  if (desk) for (const name of [...CLERKS, DEPUTY]) await person(name);
  const gatewayOptions = { written, dir, adminPort: ports.admin };
  const started: GatewayProcess[] = [];
  const remember = (gateway: GatewayProcess) => {
    started.push(gateway);
    return gateway;
  };
  return {
    ...{ dir, written, homeserver, bundid, egvp, fink, pilot, clara, bauamt, person },
    startGateway: async (env) =>
      remember(await startGatewayProcess({ ...gatewayOptions, ...(env ? { env } : {}) })),
    launchGateway: (env) => remember(launchGateway({ ...gatewayOptions, env })),
    async close() {
      for (const gateway of started) await gateway.stop();
      await Promise.all([homeserver.stop(), ...worlds.map((world) => world.close())]);
    },
  };
}
