import type { BridgeContext, QuarantinedInput } from "../../../src/bridge/contract.ts";
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
  /** Did this entity leave the federation? Then nothing is exchanged with it, whatever the settings list. */
  isExcluded?(entityId: string): boolean;
  /** Default: the system's clock. */
  now?(): Date;
}

export interface As4Transport extends FinkTransport {
  /** One round: fetch what waits, send what we owe, look after what is under way. `start` repeats it. */
  poll(signal: AbortSignal): Promise<void>;
  /** An operator released a message from quarantine. @throws GatewayError when it still cannot be taken */
  readmit(item: QuarantinedInput, signal: AbortSignal): Promise<void>;
  /** An operator rejected it: the sender gets a negative acknowledgement, where the profile knows one. */
  dismiss(item: QuarantinedInput): Promise<void>;
}
