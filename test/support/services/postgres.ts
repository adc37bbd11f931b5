import { afterAll } from "vitest";
import {
  startPostgres,
  type Postgres,
  type PostgresOptions,
} from "../../../deploy/tools/postgres.mjs";
import type { Availability } from "./availability.ts";
import { startContainer } from "./containers.ts";
import { demandProgram } from "./programs.ts";

const image = "postgres:15-alpine";
const databaseName = /^[a-z][a-z0-9_]{0,62}$/;
type Options = Pick<PostgresOptions, "args">;

/**
 * A PostgreSQL of the calling test file's own, stopped after its last test; `createDatabase` keeps tests apart.
 * Call it at the top of the file: `const postgres = await usePostgres()`.
 */
export async function usePostgres(options: Options = {}): Promise<Availability<Postgres>> {
  const contained = await startInContainer(options);
  const missing = contained === undefined ? await demandProgram("postgres") : undefined;
  if (missing !== undefined) return missing;
  const postgres = contained ?? (await startPostgres(options));
  afterAll(() => postgres.stop());
  return Object.assign(postgres, { available: true as const });
}

async function startInContainer({ args }: Options): Promise<Postgres | undefined> {
  const container = await startContainer({
    image,
    port: 5432,
    command: ["postgres", ...(args ?? [])],
    environment: {
      POSTGRES_HOST_AUTH_METHOD: "trust",
      POSTGRES_INITDB_ARGS: "--no-locale --encoding=UTF8",
    },
    // Over TCP: while it sets itself up, the image's server listens on its Unix socket only.
    probe: "pg_isready -h 127.0.0.1 -U postgres",
  });
  if (container === undefined) return undefined;
  const { host, port, kill, stop, restart, execute } = container;
  const base = `postgres://postgres@${host}:${String(port)}`;
  return {
    url: `${base}/postgres`,
    port,
    kill,
    stop,
    restart,
    async createDatabase(name) {
      if (!databaseName.test(name)) throw new Error(`'${name}' is no plain database name`);
      const sql = `CREATE DATABASE ${name} TEMPLATE template0`;
      await execute(["psql", "-X", "-q", "-U", "postgres", "-c", sql]);
      return `${base}/${name}`;
    },
  };
}
