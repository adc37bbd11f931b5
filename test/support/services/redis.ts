import { afterAll } from "vitest";
import { startRedis, type Redis, type RedisOptions } from "../../../deploy/tools/redis.mjs";
import type { Availability } from "./availability.ts";
import { startContainer } from "./containers.ts";
import { demandProgram } from "./programs.ts";

const image = "redis:7.2-alpine";
type Options = Pick<RedisOptions, "args" | "appendOnly">;

/**
 * A Redis of the calling test file's own, stopped after its last test: nobody else flushes, kills or restarts it.
 * Call it at the top of the file (`const redis = await useRedis()`), twice for two of them.
 */
export async function useRedis(options: Options = {}): Promise<Availability<Redis>> {
  const contained = await startInContainer(options);
  const missing = contained === undefined ? await demandProgram("redis") : undefined;
  if (missing !== undefined) return missing;
  const redis = contained ?? (await startRedis(options));
  afterAll(() => redis.stop());
  return Object.assign(redis, { available: true as const });
}

async function startInContainer({ args, appendOnly }: Options): Promise<Redis | undefined> {
  const durable = appendOnly === true ? "yes" : "no";
  const settings = ["--save", "", "--appendonly", durable, "--maxmemory-policy", "noeviction"];
  settings.push("--protected-mode", "no"); // from inside the container we come from elsewhere
  const container = await startContainer({
    image,
    port: 6379,
    command: ["redis-server", ...settings, ...(args ?? [])],
    probe: "redis-cli -e ping",
  });
  if (container === undefined) return undefined;
  const { host, port, kill, stop, restart } = container;
  return { url: `redis://${host}:${String(port)}`, port, kill, stop, restart };
}
