import fs from "node:fs";
import path from "node:path";
import type { StartedTestContainer } from "testcontainers";
import { containerEngine } from "../../../deploy/tools/container.mjs";
import { findFreePort } from "../../../deploy/tools/freeport.mjs";
import { cacheFolder } from "../../../deploy/tools/paths.mjs";

export interface ContainerSpec {
  readonly image: string;
  readonly port: number;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** A command inside the container that succeeds once it is ready, after a start and after a restart. */
  readonly probe: string;
}

export interface RunningContainer {
  readonly host: string;
  readonly port: number;
  execute(command: readonly string[]): Promise<void>;
  kill(signal?: NodeJS.Signals): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const startLimitMs = 60_000;
const troubleFile = path.join(cacheFolder, "test-containers.txt");

/**
 * Runs an image where a container engine answers; `undefined` where none does or where the image cannot be had
 * within a minute. That is tried once per run of the tests, not once per file.
 */
export async function startContainer(spec: ContainerSpec): Promise<RunningContainer | undefined> {
  const engine = await containerEngine();
  if ("reason" in engine || fs.existsSync(troubleFile)) return undefined;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const fail = () => reject(new Error(`no answer within ${String(startLimitMs / 1000)} s`));
    timer = setTimeout(fail, startLimitMs);
  });
  const starting = start(spec);
  try {
    return await Promise.race([starting, late]);
  } catch (error) {
    const trouble = `${spec.image}: ${error instanceof Error ? error.message : String(error)}`;
    console.warn(`the container engine at ${engine.address} is left aside: ${trouble}`);
    fs.writeFileSync(troubleFile, trouble);
    void starting.then((container) => container.stop()).catch(() => undefined);
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

async function start(spec: ContainerSpec): Promise<RunningContainer> {
  const { GenericContainer, Wait } = await import("testcontainers");
  const port = await findFreePort(); // chosen by us: a restart keeps it
  const container = await new GenericContainer(spec.image)
    .withExposedPorts({ container: spec.port, host: port })
    .withCommand([...(spec.command ?? [])])
    .withEnvironment({ ...spec.environment })
    .withWaitStrategy(Wait.forSuccessfulCommand(spec.probe))
    .withStartupTimeout(startLimitMs)
    .start();
  return describeContainer(container, port);
}

function describeContainer(container: StartedTestContainer, port: number): RunningContainer {
  return {
    host: container.getHost(),
    port,
    async execute(command) {
      const result = await container.exec([...command]);
      if (result.exitCode !== 0) throw new Error(`${command.join(" ")}: ${result.output}`);
    },
    async kill(signal = "SIGKILL") {
      const { getContainerRuntimeClient } = await import("testcontainers");
      const client = await getContainerRuntimeClient();
      await client.container.getById(container.getId()).kill({ signal });
    },
    restart: () => container.restart({ timeout: 10_000 }),
    async stop() {
      await container.stop({ timeout: 10_000 });
    },
  };
}
