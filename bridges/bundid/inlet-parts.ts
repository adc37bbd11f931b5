import type { BridgeContext } from "../../src/bridge/contract.ts";
import type { Generations } from "./generations.ts";
import type { KnownPeer } from "./inlet-checks.ts";
import type { Profile } from "./profile.ts";
import type { Sender } from "./sender.ts";
import type { InletSettings, Settings } from "./settings.ts";
import type { Shelf } from "./shelf.ts";

/** What the calls of the inlet work with. */
export interface InletParts {
  readonly context: BridgeContext<Settings>;
  readonly settings: InletSettings;
  readonly profile: Profile;
  readonly peers: readonly KnownPeer[];
  readonly generations: Generations;
  readonly shelf: Shelf;
  /** For forwarding; undefined when the account has no way to ZBP. */
  readonly sender: Sender | undefined;
}

/** An answer of the inlet: JSON, or a stream, or nothing. */
export interface Reply {
  readonly status: number;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly stream?: {
    readonly body: AsyncIterable<Buffer>;
    readonly mediaType: string;
    readonly length: number;
  };
  readonly headers?: Readonly<Record<string, string>>;
}
