import { existsSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { loadConfig, type LoadedConfig, type LoadOptions } from "../config/load.ts";
import { GatewayError } from "../model/errors.ts";
import { DATABASE_FILE, openStorage, type Storage } from "../store/open.ts";
import { schemaState } from "./database.ts";
import { styleFor, type Style, type Terminal } from "./output.ts";

/** What every command is given. */
export interface Cli {
  readonly terminal: Terminal;
  readonly style: Style;
  readonly json: boolean;
  /** Path as given with `--config`. */
  readonly configFile: string;
  /** Who does it, for the audit log. */
  readonly actor: string;
  readonly loadOptions: LoadOptions;
  now(): Date;
  /** Throws ConfigError. */
  load(): Promise<LoadedConfig>;
  /** Runs with the open store of the configuration; neither creates nor migrates it: that is up to `run`. */
  withStorage<T>(
    work: (opened: { loaded: LoadedConfig; storage: Storage }) => Promise<T>,
  ): Promise<T>;
  /** The one document of `--json`, or its human form. */
  print(document: unknown, human: () => string): void;
  /** Ends with this code although nothing was thrown. */
  exitWith(code: number): void;
}

export interface CliSettings {
  readonly terminal: Terminal;
  readonly json: boolean;
  readonly configFile: string;
  readonly loadOptions: LoadOptions;
  readonly exitWith: (code: number) => void;
}

export function createCli({ terminal, json, configFile, loadOptions, exitWith }: CliSettings): Cli {
  const load = () => loadConfig(configFile, loadOptions);
  return {
    terminal,
    style: styleFor(terminal),
    json,
    configFile,
    actor: `cli:${userName()}`,
    loadOptions,
    now: () => new Date(),
    load,
    async withStorage(work) {
      const loaded = await load();
      await refuseForeignSchema(loaded);
      const storage = await openStorage(loaded.config);
      try {
        return await work({ loaded, storage });
      } finally {
        await storage.close();
      }
    },
    print: (document, human) =>
      terminal.write(json ? `${JSON.stringify(document, null, 2)}\n` : human()),
    exitWith,
  };
}

/** The gateway alone creates and migrates: a command of another version must not change it under its feet. */
async function refuseForeignSchema({ config }: LoadedConfig): Promise<void> {
  const file = join(config.data, DATABASE_FILE);
  if (config.store.kind === "sqlite" && !existsSync(file))
    throw new GatewayError("NOT_FOUND", `there is no database at ${file} yet; \`run\` creates it`);
  const { found, known } = await schemaState(config);
  if (found < known)
    throw new GatewayError(
      "NOT_ALLOWED",
      found === 0
        ? "the database is empty; `run` creates its tables"
        : `the database has schema ${found}, this version has ${known}; \`run\` migrates it`,
    );
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number that has no name.
    return `uid-${process.getuid?.() ?? "unknown"}`;
  }
}
