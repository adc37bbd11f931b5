import type { Readable } from "node:stream";
import type { z } from "zod";
import type { ErrorCode } from "../model/errors.ts";
import type { BlobRef, IncomingMessage, Message, Party, Side } from "../model/message.ts";
import type { Receipt, ReceiptKind } from "../model/receipt.ts";
import type { MessageState } from "../model/state.ts";
import type { BridgeCommand, Inspection, InspectOptions } from "./commands.ts";
import type { Archive, History } from "./history.ts";

export type * from "./commands.ts";
export type * from "./history.ts";

/**
 * The contract between the gateway and everything that speaks to a mailbox system. The homeserver implements it too.
 *
 * A bridge never retries, sleeps, orders, dedupes, logs bodies, opens sockets by itself (use `context.fetch` and the
 * listeners of `src/guard`), touches the store or knows Matrix. It may import `src/bridge`, `src/model`, `src/guard`.
 */
export interface Bridge {
  /** Begin polling or listening. Must not wait for the other side to be reachable. */
  start(): Promise<void>;
  /**
   * Hand one letter over. Called for one conversation strictly in order. `deliveryId` is the same for every attempt at
   * this letter: pass it on where the other side can use it. Throws only DeliveryError; anything else counts as a fault
   * of ours with unknown outcome.
   */
  deliver(message: Message, deliveryId: string, signal: AbortSignal): Promise<Delivery>;
  /**
   * Would the other side refuse this letter? Asked before a letter that was written in Matrix is accepted, so that its
   * author learns the reason at once. Knows limits, formats, names and addressees; no network, no side effects, and no
   * replacement for the checks of `deliver`. undefined: nothing speaks against it.
   */
  review?(letter: IncomingMessage, signal: AbortSignal): Promise<Refusal | undefined>;
  /** Link and certificates, without side effects. */
  ping(signal: AbortSignal): Promise<Health>;
  /** Stop intake first; safe to call twice. */
  stop(): Promise<void>;
  /**
   * The origin of a letter learns of a stage it reached (the highest one; lower ones may be skipped). Must be safe to
   * repeat. Return "not-wanted" when this system has no means for that stage.
   */
  notify?(message: Message, receipt: Receipt, signal: AbortSignal): Promise<"told" | "not-wanted">;
  /**
   * Settle an unknown outcome. A Delivery: it arrived. "absent": it certainly did not, so it may be sent again.
   * undefined: cannot be told here, an operator decides.
   */
  find?(
    message: Message,
    deliveryId: string,
    signal: AbortSignal,
  ): Promise<Delivery | "absent" | undefined>;
  /** Directory look-up by what a person would type or paste. Deterministic; empty when nobody matches. */
  resolve?(query: string, signal: AbortSignal): Promise<readonly Party[]>;
  /** Back-fill for a migration (`migrate --from mailbox`): never acknowledges anything at the legacy side. No I/O here. */
  history?(): History;
  /** An operator released something from quarantine that had not become a message: take it again from its bytes. */
  readmit?(item: QuarantinedInput, signal: AbortSignal): Promise<void>;
  /** An operator rejected it instead: tell its sender, where this system has means for that. Must be safe to repeat. */
  dismiss?(item: QuarantinedInput, signal: AbortSignal): Promise<void>;
}

/** Hand-over done. `remoteId` names the letter there; `parts` name its pieces there (for Matrix: event ids, in order). */
export interface Delivery {
  readonly remoteId: string;
  readonly parts?: readonly string[];
  /** Stage reached by the hand-over itself; default: `delivered` now. */
  readonly receipt?: Receipt;
}

/** Why a letter cannot be taken; `notice` is the German sentence for its author (default: that of the code). */
export interface Refusal {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly notice?: string;
}

export interface Health {
  readonly ok: boolean;
  readonly detail?: string;
  readonly certificates?: readonly CertificateHealth[];
}
export interface CertificateHealth {
  readonly subject: string;
  readonly purpose: string;
  readonly notAfter: Date;
}

/** Something that arrived and could not become a message. Its bytes are kept. */
export interface QuarantinedInput {
  readonly sourceId: string;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly original: BlobRef;
}

/** What the gateway may count on; checked at load and shown by `check`. */
export interface Capabilities {
  readonly directions: readonly ("inbound" | "outbound")[];
  readonly maxMessageBytes: number;
  readonly mediaTypes: readonly string[] | "any";
  readonly receipts: readonly ReceiptKind[];
  /** true: repeating a delivery with the same deliveryId can never make a second letter, so `unknown` is retried. */
  readonly idempotentDelivery: boolean;
  /**
   * How somebody who still reads in the old system gets a letter that comes in here (see `AcceptOptions.legacyReader`).
   * Default none: then the phases observe and mirror are not possible. An account may differ (`legacyReader`).
   */
  readonly legacyReaders?: LegacyReader;
}

/**
 * kept: it stays in the old mailbox as long as nobody acknowledges it. forward: `deliver` with a letter that came from
 * the legacy side hands it on. none: not at all.
 */
export type LegacyReader = "kept" | "forward" | "none";

/** Where an account stands in the transition. */
export type Phase = "off" | "observe" | "mirror" | "matrix-first" | "matrix" | "drain";

/** Structured log: ids, sizes, digests; never content. First the fields, then one event name in kebab-case. */
export interface Log {
  debug(fields: Record<string, unknown>, event: string): void;
  info(fields: Record<string, unknown>, event: string): void;
  warn(fields: Record<string, unknown>, event: string): void;
  error(fields: Record<string, unknown>, event: string): void;
}

export interface AcceptOptions {
  /** Where it goes; default: the other side. `legacy` = back into this account's own system (forwarding). */
  readonly destination?: Side;
  /** Keep it in quarantine with this reason until an operator or a new link releases it. */
  readonly hold?: { readonly code: ErrorCode; readonly detail: string };
  /** How this letter would reach a reader in the old system; default: that of the capabilities. */
  readonly legacyReader?: LegacyReader;
  /** It answers a letter that was written in Matrix: goes there in every phase but `off`. */
  readonly answer?: boolean;
  /** Administrative service that the letter names, for cohorts. */
  readonly service?: string;
}
/**
 * conflict: the source id is known with other content; the new bytes are in quarantine, the first letter stays.
 * observed: only counted, there is no letter; `id` is empty. Else `id` is the stored message's (for a duplicate: the
 * first one's).
 */
export interface Accepted {
  readonly outcome: "stored" | "duplicate" | "conflict" | "observed";
  readonly id: string;
  /** false: the old mailbox counts. Nothing may be told upstream: no acknowledgement, no receipt, no status. */
  readonly acknowledge?: false;
  /** legacy: what the sender is answered is the outcome at the legacy system (`settled`); `id` is the letter to it. */
  readonly primary?: Side;
}

/** Late evidence about a letter, named by our id or by what the other side calls it. */
export interface Report extends Receipt {
  readonly target: { readonly id: string } | { readonly remoteId: string };
}

/** What the gateway knows of a letter of this account. */
export interface KnownMessage {
  readonly message: Message;
  readonly state: MessageState;
  readonly origin: Side;
  readonly remoteId?: string;
  readonly code?: ErrorCode;
  readonly acceptedAt: Date;
}

/** Small durable facts of one account (a cursor, a shelf of replies waiting to be collected). Values are JSON, sealed at rest. */
export interface Records {
  get(key: string): Promise<string | undefined>;
  put(key: string, value: string): Promise<void>;
  remove(key: string): Promise<void>;
  /** Keys with this prefix, in key order, after `after`, at most `limit` (1…1000). */
  list(
    prefix: string,
    options?: { after?: string; limit?: number },
  ): Promise<readonly { key: string; value: string }[]>;
}

/** Everything one account of a bridge may use. Nothing else. */
export interface BridgeContext<C> {
  readonly account: string;
  readonly config: C;
  /** That of the account as it is now; which letters move in which phase says what `accept` answers. */
  readonly phase: Phase;
  readonly log: Log;
  /** Durable once resolved: acknowledge upstream only after this. Idempotent on (account, sourceId). */
  accept(message: IncomingMessage, options?: AcceptOptions): Promise<Accepted>;
  /** Late evidence; durable once resolved; repeating it changes nothing. */
  report(report: Report): Promise<void>;
  /** Input that cannot become a message: kept with its bytes, shown to the operator. Idempotent on sourceId. */
  quarantine(input: QuarantinedInput): Promise<void>;
  /** Streams into the blob store; hashes and encrypts on the way. Resolved = on disk. */
  store(name: string, body: Readable): Promise<BlobRef>;
  open(blob: BlobRef): Promise<Readable>;
  /** One of this account's own letters, by our id. */
  recall(id: string): Promise<KnownMessage | undefined>;
  /** Resolves when the letter has left `pending`/`sending`, or when the signal aborts (then: its state so far). */
  settled(id: string, signal: AbortSignal): Promise<KnownMessage | undefined>;
  /** Does somebody in Matrix read this mailbox of this account? */
  linked(mailbox: string): Promise<boolean>;
  /** The only way out: host allow-list, address check after DNS, no redirects, TLS preset. */
  fetch(url: string, init?: OutgoingRequest): Promise<Response>;
  /** Repeats a task; never overlaps itself, jittered, stops with the bridge. A throw is logged and counted, not fatal. */
  every(ms: number, task: (signal: AbortSignal) => Promise<void>): void;
  readonly cursor: { get(): Promise<string | undefined>; set(value: string): Promise<void> };
  readonly records: Records;
  /** 32 bytes for a MAC or a pseudonym, stable for (account, purpose), never stored, never logged. */
  derive(purpose: string): Uint8Array;
  /** An entry in the audit log (kebab-case action; ids, states and digests only). Durable once resolved. */
  audit(action: string, subject: string, detail?: AuditDetail): Promise<void>;
}
export type AuditDetail = Readonly<Record<string, string | number | boolean>>;

/** The part of a request that a bridge may set. `body` may stream; the client certificate belongs to the account. */
export interface OutgoingRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | Readable;
  readonly signal?: AbortSignal;
  readonly tls?: ClientTls;
  /** The answer may be this long, bytes; default 16 MB. Whoever asks for more reads it as a stream. */
  readonly maxAnswerBytes?: number;
}
export interface ClientTls {
  /** PEM. */
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
  /** PEM of the authorities that may vouch for the server; default: the system's. */
  readonly ca?: string;
}

export interface BridgeDefinition<S extends z.ZodType = z.ZodType> {
  readonly name: string;
  /** One sentence for `config.example.yaml`, in the words of an operator. */
  readonly title: string;
  /** `settings:` of an account. Every property carries `.describe()`; the example and the JSON Schema are made from it. */
  readonly schema: S;
  readonly capabilities: Capabilities;
  /** What a Matrix user can fill in to find somebody (third-party look-up): name → pattern and placeholder. */
  readonly lookupFields: Readonly<Record<string, { regexp: string; placeholder: string }>>;
  /** Base URLs that an account with these settings talks to: the only hosts that `context.fetch` reaches. */
  remotes(config: z.output<S>): readonly string[];
  /** Of an account with these settings, where it is not that of the capabilities. */
  legacyReader?(config: z.output<S>): LegacyReader;
  /** No I/O here. */
  create(context: BridgeContext<z.output<S>>): Bridge;
  /** Files and certificates that the settings name: read and checked by `check`, no network. Throws GatewayError. */
  verify?(config: z.output<S>): Promise<readonly CertificateHealth[]>;
  /** Reads one message as it stands on the wire or on disk: no network, no store. */
  inspect?(file: string, options: InspectOptions): Promise<Inspection>;
  /** For `migrate --from archive:<folder>`. */
  readonly archive?: Archive<z.output<S>>;
  /**
   * The conversation that live traffic gives a letter between these two in this case; undefined: they do not say which
   * case it is. For exports that cannot know our keys (`migrate --from jsonl:<file>`).
   */
  caseKey?(letter: Pick<IncomingMessage, "from" | "to" | "case">): string | undefined;
  /** Options that `inspect` understands: name → help. */
  readonly inspectOptions?: Readonly<Record<string, string>>;
  /** Its own commands on the command line. */
  readonly commands?: readonly BridgeCommand<z.output<S>>[];
}

/** Gives a definition its precise type; `src/bridge/registry.ts` checks it at load. */
export function defineBridge<S extends z.ZodType>(
  definition: BridgeDefinition<S>,
): BridgeDefinition<S> {
  return definition;
}
