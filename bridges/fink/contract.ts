import type { X509Certificate } from "node:crypto";
import type { Delivery, Health } from "../../src/bridge/contract.ts";
import type { ErrorCode } from "../../src/model/errors.ts";
import type { Message, TrustLevel } from "../../src/model/message.ts";

/**
 * The seams of this bridge: the federation says who takes part and where a mailbox is reached; a transport carries one
 * letter there. Neither knows the other.
 */
export interface Federation {
  /** Begin to pull; resolves when the last good copy (if any) is loaded. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Pull now. Throws GatewayError when what arrived is refused; the last good copy stays. */
  refresh(signal: AbortSignal): Promise<FederationState>;
  state(): FederationState;
  /** Explains the way of a letter, or why there is none. Pure over the state; no network. */
  resolve(entityId: string, mailbox: string): RouteDecision;
}

/** `old`: served, but older than the alarm limit. `expired`: nothing is resolved any more. */
export interface FederationState {
  readonly name: string;
  readonly standing: "current" | "old" | "expired" | "missing";
  readonly loadedAt?: Date;
  readonly validUntil?: Date;
  readonly entities: number;
  /** Why the last pull was refused. */
  readonly lastFault?: { readonly code: ErrorCode; readonly detail: string; readonly at: Date };
}

export type TransportKind = "bsp-soap" | "as4-access-point";

/** Where and how a mailbox is reached. */
export interface Route {
  readonly entityId: string;
  readonly participant: string;
  readonly mailbox: string;
  readonly transport: TransportKind;
  readonly endpoint: string;
  /** Of the mailbox node: what its server or its signature must show. */
  readonly certificates: readonly X509Certificate[];
  /** Which rule of the discovery order gave the endpoint. */
  readonly by: "override" | "metadata";
  readonly level?: TrustLevel;
}
export type RouteDecision =
  | { readonly kind: "route"; readonly route: Route; readonly because: readonly string[] }
  | {
      readonly kind: "none";
      /** NO_MAILBOX_NODE, PARTICIPANT_UNKNOWN, PARTICIPANT_REMOVED, NOT_AGREED, NOT_LIVE, BLOCKED, METADATA_EXPIRED … */
      readonly reason: string;
      readonly code: ErrorCode;
      /** wait: may change by itself (the letter waits visibly); never: the sender is told. */
      readonly outlook: "wait" | "never";
      /** German, for the sender and for `fink resolve`. */
      readonly explanation: string;
      readonly because: readonly string[];
    };

/** One way of carrying letters. Throws DeliveryError; a cut connection is unknown unless the protocol deduplicates. */
export interface FinkTransport {
  start(): Promise<void>;
  stop(): Promise<void>;
  deliver(
    message: Message,
    route: Route,
    deliveryId: string,
    signal: AbortSignal,
  ): Promise<Delivery>;
  find?(
    message: Message,
    route: Route,
    deliveryId: string,
    signal: AbortSignal,
  ): Promise<Delivery | "absent" | undefined>;
  /** `nodes`: where its letters would go at present. No letter is sent. */
  ping(signal: AbortSignal, nodes: readonly Route[]): Promise<Health>;
}
