export interface Redis {
  readonly url: string;
  readonly port: number;
  /** Of the process that runs now; absent when it runs in a container. */
  readonly pid?: number;
  /** SIGKILL unless told. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
  /** Stops it if it runs, and starts it on the same port; data survives only with `appendOnly`. */
  restart(): Promise<void>;
}

export interface RedisOptions {
  /** A temporary one, removed by `stop`, when not given. */
  readonly dir?: string;
  /** More arguments of redis-server; they win over ours. */
  readonly args?: readonly string[];
  readonly appendOnly?: boolean;
}

export function startRedis(options?: RedisOptions): Promise<Redis>;
