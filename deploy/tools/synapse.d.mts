export { ensureSynapse, findSynapse, synapseVersion } from "./synapse-install.mjs";
export type { FoundSynapse } from "./synapse-install.mjs";

export interface SynapseOptions {
  /** Holds configuration, database, media and log; an existing one is continued. */
  readonly dir: string;
  /** A free one when not given. */
  readonly port?: number;
  readonly registrationFiles?: readonly string[];
  /** "synapse.test" when not given. */
  readonly serverName?: string;
  /** default_room_version, e.g. "11" or "12". */
  readonly roomVersion?: string;
  /** Top-level keys of homeserver.yaml that replace ours. */
  readonly extraConfig?: Readonly<Record<string, unknown>>;
  /** Python log level; "WARNING" when not given. */
  readonly logLevel?: string;
}

export interface SynapseUser {
  readonly userId: string;
  readonly accessToken: string;
  readonly deviceId: string;
}

export interface Synapse {
  readonly baseUrl: string;
  readonly serverName: string;
  readonly logFile: string;
  /** Of the process that runs now; another one after `restart`. */
  readonly pid: number;
  registerUser(name: string, password: string, admin?: boolean): Promise<SynapseUser>;
  stop(): Promise<void>;
  /** SIGKILL unless told; after SIGKILL it waits for the end. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Stops it if it runs, and starts it on the same data and port. */
  restart(): Promise<void>;
}

/** Starts Synapse and waits until it answers. Throws with the log's tail when it does not. */
export function startSynapse(options: SynapseOptions): Promise<Synapse>;
export function liftRateLimits(): Record<string, unknown>;
export function signRegistration(
  secret: string,
  user: { nonce: string; name: string; password: string; admin: boolean },
): string;
