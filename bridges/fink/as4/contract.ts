import type { BridgeContext } from "../../../src/bridge/contract.ts";
import type { FinkTransport } from "../contract.ts";
import type { PayloadCodec } from "./payload.ts";
import type { As4Profile } from "./profile.ts";
import type { As4Settings } from "./settings.ts";

/** A party of the access point network, as in its PMode. */
export interface AccessPointParty {
  readonly id: string;
  readonly type: string;
}

export type As4Context = Pick<
  BridgeContext<unknown>,
  | "fetch"
  | "every"
  | "records"
  | "store"
  | "open"
  | "accept"
  | "report"
  | "quarantine"
  | "recall"
  | "log"
  | "derive"
>;

export interface As4Parts {
  readonly context: As4Context;
  readonly settings: As4Settings;
  readonly profile: As4Profile;
  readonly codec: PayloadCodec;
  /**
   * The party of an entity by the federation's metadata; undefined: unknown or no longer a member. What the settings
   * list goes first. Asked for every message in both directions, so a removed entity is refused at once.
   */
  partyOf?(entityId: string): { readonly id: string; readonly type?: string } | undefined;
  /** Default: the system's clock. */
  now?(): Date;
}

export interface As4Transport extends FinkTransport {
  /** One round: fetch what waits, send what we owe, look after what is under way. `start` repeats it. */
  poll(signal: AbortSignal): Promise<void>;
}
