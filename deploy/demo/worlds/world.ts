/** Where the legacy systems of a demonstration find their place. */
export interface Place {
  /** Everything is kept below it. */
  readonly dir: string;
  readonly serverName: string;
}

/** One legacy system with everything around it: its simulators, and the accounts with which the gateway serves it. */
export interface World {
  /** `accounts:` of the gateway's configuration. */
  readonly accounts: readonly object[];
  close(): Promise<void>;
}
