/**
 * The simulated homeserver against the real one. What Synapse 1.163.2 answered is written down in
 * `parity.recorded.json`; the simulator is held to it in every run. Where a Synapse can be had, the same requests go to
 * it too, which shows whether the record is still true. PARITY_RECORD=1 writes the record anew from that Synapse (then
 * let Prettier format it).
 */
import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startHomeserver } from "../../fixtures/simulators/homeserver/index.ts";
import { makeTemporaryFolder } from "../../deploy/tools/paths.mjs";
import { MatrixClient } from "../support/matrix-client.ts";
import { describeWith, useSynapse } from "../support/services/index.ts";
import type { SynapseStarter } from "../support/services/index.ts";
import { maxUploadBytes, serverName, stages } from "./parity-stages.ts";
import type { Stage } from "./parity-stages.ts";
import { NoteBook } from "./parity-target.ts";
import type { Note, ParityTarget } from "./parity-target.ts";
import { startRecordingAppservice } from "./recording-appservice.ts";
import type { RecordingAppservice } from "./recording-appservice.ts";

const file = fileURLToPath(new URL("parity.recorded.json", import.meta.url));
const synapse = await useSynapse();
const recording = process.env["PARITY_RECORD"] === "1";
const limitMs = 120_000;

type Record_ = Record<string, Record<string, readonly Note[]>>;
const recorded: Record_ = recording ? {} : (JSON.parse(await readFile(file, "utf8")) as Record_);

interface Server {
  readonly baseUrl: string;
  user(name: string): Promise<MatrixClient>;
  restart(graceful: boolean): Promise<void>;
  stop(): Promise<void>;
}

async function startSimulated(stage: Stage, url: string): Promise<Server> {
  const { rateLimit } = stage;
  const server = await startHomeserver({
    registration: stage.registration(url),
    serverName,
    maxUploadBytes,
    // Where Synapse waits two seconds, a test need not.
    backoffUnitMs: 20,
    ...(rateLimit === undefined ? {} : { rateLimit }),
  });
  return {
    baseUrl: server.baseUrl,
    user: (name) => Promise.resolve(server.registerUser(name, `secret-${name}`)),
    restart: (graceful) => server.restart({ graceful }),
    stop: () => server.stop(),
  };
}

async function startReal(stage: Stage, url: string, synapse: SynapseStarter): Promise<Server> {
  const folder = makeTemporaryFolder("parity");
  const registrationFile = path.join(folder, "registration.yaml");
  await writeFile(registrationFile, JSON.stringify(stage.registration(url)));
  const { rateLimit } = stage;
  const server = await synapse.start({
    serverName,
    registrationFiles: [registrationFile],
    extraConfig: {
      max_upload_size: String(maxUploadBytes),
      ...(rateLimit === undefined
        ? {}
        : { rc_message: { per_second: rateLimit.perSecond, burst_count: rateLimit.burst } }),
    },
  });
  const { baseUrl } = server;
  return {
    baseUrl,
    user: async (name) => {
      const user = await server.registerUser(name, `secret-${name}`);
      return new MatrixClient({ baseUrl, ...user });
    },
    restart: async (graceful) => {
      if (!graceful) await server.kill();
      await server.restart();
    },
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function toTarget(stage: Stage, server: Server, appservice: RecordingAppservice): ParityTarget {
  const { as_token: accessToken, sender_localpart: sender } = stage.registration("");
  const { baseUrl } = server;
  const bridge = new MatrixClient({ baseUrl, accessToken, userId: `@${sender}:${serverName}` });
  return {
    baseUrl,
    serverName,
    appservice,
    bridge,
    ghost: async (name) => {
      const body = {
        type: "m.login.application_service",
        username: `_pf_${name}`,
        inhibit_login: true,
      };
      await bridge.call("POST", "/_matrix/client/v3/register", { body });
      return bridge.as(`@_pf_${name}:${serverName}`);
    },
    user: (name) => server.user(name),
    restart: (graceful) => server.restart(graceful),
  };
}

function compare(stage: Stage, start: (url: string) => Promise<Server>, isReal: boolean): void {
  let appservice: RecordingAppservice;
  let server: Server;
  beforeAll(async () => {
    appservice = await startRecordingAppservice();
    server = await start(appservice.url);
  }, limitMs);
  beforeEach(() => {
    appservice.behave(() => ({ status: 200 }));
  });
  afterAll(async () => {
    await server.stop();
    await appservice.stop();
    if (recording && isReal) await writeFile(file, `${JSON.stringify(recorded, null, 1)}\n`);
  });
  for (const { name, run } of stage.scenarios)
    it(
      name,
      async () => {
        const book = new NoteBook();
        await run(toTarget(stage, server, appservice), book);
        const of = (recorded[stage.name] ??= {});
        if (recording && isReal) of[name] = book.notes;
        expect(Object.fromEntries(book.notes)).toEqual(Object.fromEntries(of[name] ?? []));
        expect(book.notes.length).toBeGreaterThan(0);
      },
      limitMs,
    );
}

// The real one comes first, so that a new record is there before the simulator is measured by it.
for (const stage of stages) {
  describeWith(`Synapse, ${stage.name}`, synapse, (real) => {
    compare(stage, (url) => startReal(stage, url, real), true);
  });
  describe(`simulated homeserver, ${stage.name}`, () => {
    compare(stage, (url) => startSimulated(stage, url), false);
  });
}
