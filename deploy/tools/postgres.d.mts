export interface Postgres {
  /** Of the database "postgres", log-in without password. */
  readonly url: string;
  readonly port: number;
  /** Of the process that runs now; absent when it runs in a container. */
  readonly pid?: number;
  /** An empty database (UTF-8, C collation); gives its URL. */
  createDatabase(name: string): Promise<string>;
  /** SIGKILL unless told. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
  /** Stops it if it runs, and starts it on the same data and port. */
  restart(): Promise<void>;
}

export interface PostgresOptions {
  /** A temporary one, removed by `stop`, when not given. */
  readonly dir?: string;
  /** More arguments of `postgres`, e.g. ["-c", "fsync=off"]. */
  readonly args?: readonly string[];
}

export function startPostgres(options?: PostgresOptions): Promise<Postgres>;
