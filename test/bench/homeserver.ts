import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import {
  parseRegistration,
  startHomeserver,
  type Homeserver,
} from "../../fixtures/simulators/homeserver/index.ts";
import { startSynapse } from "../../deploy/tools/synapse.mjs";
import { MatrixClient } from "../support/matrix-client.ts";

export type HomeserverKind = "simulated" | "synapse";

export interface BenchHomeserver {
  readonly kind: HomeserverKind;
  readonly baseUrl: string;
  /** What only the simulated one can do and show. */
  readonly simulated: Homeserver | undefined;
  /** Of its process, when it has one of its own. */
  readonly pid: number | undefined;
  register(name: string): Promise<MatrixClient>;
  stop(): Promise<void>;
}

export interface HomeserverStart {
  readonly kind: HomeserverKind;
  readonly dir: string;
  readonly port: number;
  readonly serverName: string;
  readonly registrationFile: string;
}

const PASSWORD = "bench-passwort";
const MAX_UPLOAD_BYTES = 250_000_000;

export function startBenchHomeserver(options: HomeserverStart): Promise<BenchHomeserver> {
  return options.kind === "synapse" ? startReal(options) : startSimulated(options);
}

async function startReal(options: HomeserverStart): Promise<BenchHomeserver> {
  const { dir, port, serverName, registrationFile } = options;
  const place = { dir: join(dir, "synapse"), port, serverName };
  const synapse = await startSynapse({ ...place, registrationFiles: [registrationFile] });
  const { baseUrl } = synapse;
  return {
    kind: "synapse",
    baseUrl,
    simulated: undefined,
    pid: synapse.pid,
    async register(name) {
      const user = await synapse.registerUser(name, PASSWORD);
      return new MatrixClient({ baseUrl, ...user });
    },
    stop: () => synapse.stop(),
  };
}

async function startSimulated(options: HomeserverStart): Promise<BenchHomeserver> {
  const { port, serverName, registrationFile } = options;
  const simulated = await startHomeserver({
    registration: parseRegistration(parse(readFileSync(registrationFile, "utf8"))),
    serverName,
    port,
    maxUploadBytes: MAX_UPLOAD_BYTES,
  });
  return {
    kind: "simulated",
    baseUrl: simulated.baseUrl,
    simulated,
    pid: undefined,
    register: (name) => Promise.resolve(simulated.registerUser(name)),
    stop: () => simulated.stop(),
  };
}
