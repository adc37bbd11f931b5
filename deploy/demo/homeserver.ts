import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { parseRegistration, startHomeserver } from "../../fixtures/simulators/homeserver/index.ts";
import { MatrixClient } from "../../test/support/matrix-client.ts";
import { findFreePort } from "../tools/freeport.mjs";
import { startSynapse } from "../tools/synapse.mjs";

export type HomeserverKind = "synapse" | "simulated";

/** A homeserver that can be killed and started again with its data. */
export interface RunningHomeserver {
  readonly kind: HomeserverKind;
  readonly baseUrl: string;
  readonly serverName: string;
  register(name: string, password: string): Promise<MatrixClient>;
  kill(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface HomeserverStart {
  readonly kind: HomeserverKind;
  readonly dir: string;
  readonly port: number;
  readonly serverName: string;
  readonly registrationFile: string;
  readonly roomVersion?: "11" | "12";
}

export function startAnyHomeserver(options: HomeserverStart): Promise<RunningHomeserver> {
  return options.kind === "synapse" ? startReal(options) : startSimulated(options);
}

async function startReal(options: HomeserverStart): Promise<RunningHomeserver> {
  const synapse = await startSynapse({
    dir: join(options.dir, "synapse"),
    port: options.port,
    serverName: options.serverName,
    registrationFiles: [options.registrationFile],
  });
  return {
    kind: "synapse",
    baseUrl: synapse.baseUrl,
    serverName: synapse.serverName,
    async register(name, password) {
      const { userId, accessToken, deviceId } = await synapse.registerUser(name, password);
      return new MatrixClient({ baseUrl: synapse.baseUrl, userId, accessToken, deviceId });
    },
    kill: () => synapse.kill(),
    restart: () => synapse.restart(),
    stop: () => synapse.stop(),
  };
}

async function startSimulated(options: HomeserverStart): Promise<RunningHomeserver> {
  const homeserver = await startHomeserver({
    registration: parseRegistration(parse(readFileSync(options.registrationFile, "utf8"))),
    serverName: options.serverName,
    port: options.port === 0 ? await findFreePort() : options.port,
    maxUploadBytes: 250_000_000,
    backoffUnitMs: 200,
  });
  return {
    kind: "simulated",
    baseUrl: homeserver.baseUrl,
    serverName: homeserver.serverName,
    register: (name, password) => Promise.resolve(homeserver.registerUser(name, password)),
    kill: () => homeserver.kill(),
    restart: () => homeserver.restart({ graceful: false }),
    stop: () => homeserver.stop(),
  };
}
