/**
 * A BridgeContext without a gateway: letters, records and blobs in memory, requests through the real egress. What the
 * gateway would do (hand letters over, change their state) is done by the test.
 */
import { createHash, createHmac } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { Readable } from "node:stream";
import type {
  Accepted,
  AcceptOptions,
  AuditDetail,
  BridgeContext,
  KnownMessage,
  Log,
  QuarantinedInput,
  Report,
} from "../../src/bridge/contract.ts";
import { createEgress, egressTarget } from "../../src/guard/egress.ts";
import type { Egress } from "../../src/guard/egress.ts";
import { newId } from "../../src/model/id.ts";
import type { BlobRef, IncomingMessage, Message, Side } from "../../src/model/message.ts";
import type { ErrorCode } from "../../src/model/errors.ts";
import { mayBecome } from "../../src/model/state.ts";
import type { MessageState } from "../../src/model/state.ts";

export interface KeptMessage {
  readonly message: Message;
  readonly origin: Side;
  readonly destination: Side;
  state: MessageState;
  remoteId?: string;
  code?: ErrorCode;
  readonly hold?: AcceptOptions["hold"];
  readonly acceptedAt: Date;
}
export interface LogLine {
  readonly level: keyof Log;
  readonly event: string;
  readonly fields: Record<string, unknown>;
}
type Task = { readonly ms: number; readonly run: (signal: AbortSignal) => Promise<void> };

/** Everything that survives a restart of the bridge. Give it to a second context to play one. */
export class MemoryState {
  readonly messages = new Map<string, KeptMessage>();
  readonly records = new Map<string, string>();
  readonly blobs = new Map<string, Buffer>();
  readonly reports: Report[] = [];
  readonly quarantined = new Map<string, QuarantinedInput>();
  readonly links = new Set<string>();
  readonly audits: { action: string; subject: string; detail: AuditDetail }[] = [];
  cursor: string | undefined;
  /** The account is in a phase in which the old mailbox counts: what can be handed on goes there. */
  legacyCounts = false;
  readonly changed = new EventEmitter().setMaxListeners(0);

  /** In the order of acceptance. */
  get accepted(): readonly KeptMessage[] {
    return [...this.messages.values()];
  }
  /** Brings a letter into another state, as the gateway would: only along the table of legal transitions. */
  settle(
    id: string,
    to: MessageState,
    facts: { remoteId?: string; code?: ErrorCode } = {},
  ): KeptMessage {
    const kept = this.messages.get(id);
    if (kept === undefined) throw new Error(`no letter ${id}`);
    for (const step of pathTo(kept.state, to)) kept.state = step;
    Object.assign(kept, facts);
    this.changed.emit("change");
    return kept;
  }
  /** Puts in a letter written in Matrix. */
  add(message: Message, state: MessageState = "delivered"): Message {
    this.messages.set(message.id, {
      message,
      origin: "matrix",
      destination: "legacy",
      state,
      acceptedAt: new Date(),
    });
    return message;
  }
}

function pathTo(from: MessageState, to: MessageState): MessageState[] {
  if (from === to) return [];
  if (mayBecome(from, to)) return [to];
  if (mayBecome(from, "sending") && mayBecome("sending", to)) return ["sending", to];
  throw new Error(`${from} cannot become ${to}`);
}

export interface TestContextOptions<C> {
  readonly config: C;
  readonly state?: MemoryState;
  readonly account?: string;
  /** Base URLs to which requests may go. */
  readonly allow?: readonly string[];
  /** Hooks a test may set to play a gateway that fails. */
  readonly beforeAccept?: (message: IncomingMessage) => Promise<void> | void;
  readonly timeoutMs?: number;
}
export interface TestContext<C> {
  readonly context: BridgeContext<C>;
  readonly state: MemoryState;
  readonly log: LogLine[];
  /** Runs every task given to `every` once, one after another. A task's error is thrown. */
  tick(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

const DEFAULT_TIMEOUT_MS = 5_000;

export function testContext<C>(options: TestContextOptions<C>): TestContext<C> {
  const state = options.state ?? new MemoryState();
  const account = options.account ?? "konto";
  const log: LogLine[] = [];
  const tasks: Task[] = [];
  const egress = createEgress({
    allow: (options.allow ?? []).map(egressTarget),
    privateNetworks: ["127.0.0.0/8", "::1/128"],
    timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
  });
  const context: BridgeContext<C> = {
    account,
    config: options.config,
    phase: "matrix",
    log: collectLog(log),
    accept: async (message, accept = {}) => {
      await options.beforeAccept?.(message);
      return keep(state, account, message, accept);
    },
    report: async (report) => recordReport(state, account, report),
    quarantine: async (input) => void state.quarantined.set(input.sourceId, input),
    store: (_name, body) => storeBlob(state, body),
    open: async (blob) => openBlob(state, blob),
    recall: async (id) => asKnown(state.messages.get(id)),
    settled: (id, signal) => waitSettled(state, id, signal),
    linked: async (mailbox) => state.links.has(mailbox),
    fetch: (url, init) => egress.fetch(url, init),
    every: (ms, run) => void tasks.push({ ms, run }),
    cursor: {
      get: async () => state.cursor,
      set: async (value) => void (state.cursor = value),
    },
    records: recordsOf(state),
    derive: (purpose) => createHmac("sha256", account).update(purpose).digest(),
    audit: async (action, subject, detail = {}) =>
      void state.audits.push({ action, subject, detail }),
  };
  return { context, state, log, ...controls(tasks, egress) };
}

function controls(tasks: readonly Task[], egress: Egress) {
  return {
    async tick(signal = new AbortController().signal) {
      for (const { run } of tasks) await run(signal);
    },
    close: () => egress.close(),
  };
}

async function keep(
  state: MemoryState,
  account: string,
  incoming: IncomingMessage,
  options: AcceptOptions,
): Promise<Accepted> {
  const known = state.accepted.find(({ message }) => message.sourceId === incoming.sourceId);
  if (known !== undefined)
    return {
      outcome: digest(known.message) === digest(incoming) ? "duplicate" : "conflict",
      id: known.message.id,
      ...primaryOf(known.destination),
    };
  const handedOn = state.legacyCounts && options.legacyReader === "forward";
  const destination = options.destination ?? (handedOn ? "legacy" : "matrix");
  const acceptedAt = new Date();
  const message: Message = { ...incoming, id: newId(acceptedAt.getTime()), account };
  state.messages.set(message.id, {
    message,
    origin: "legacy",
    destination,
    state: options.hold === undefined ? "pending" : "held",
    hold: options.hold,
    acceptedAt,
  });
  state.changed.emit("change");
  return { outcome: "stored", id: message.id, ...primaryOf(destination) };
}

function primaryOf(destination: Side): Pick<Accepted, "primary"> {
  return destination === "legacy" ? { primary: "legacy" } : {};
}

function digest(message: IncomingMessage): string {
  const { subject, text, html, attachments, conversation, level } = message;
  return JSON.stringify([subject, text, html, attachments, conversation, level]);
}

function recordReport(state: MemoryState, account: string, report: Report): void {
  const { target } = report;
  const known = "id" in target ? state.messages.get(target.id) : undefined;
  if (known?.message.account !== account) throw new Error("NOT_FOUND");
  const same = state.reports.some(
    (other) =>
      JSON.stringify(other.target) === JSON.stringify(target) && other.kind === report.kind,
  );
  if (!same) state.reports.push(report);
}

async function storeBlob(state: MemoryState, body: Readable): Promise<BlobRef> {
  const chunks: Buffer[] = [];
  for await (const chunk of body as AsyncIterable<Uint8Array>) chunks.push(Buffer.from(chunk));
  const bytes = Buffer.concat(chunks);
  const hex = createHash("sha256").update(bytes).digest("hex");
  state.blobs.set(hex, bytes);
  return { digest: `sha256:${hex}`, size: bytes.length };
}

function openBlob(state: MemoryState, { digest: name }: BlobRef): Readable {
  const bytes = state.blobs.get(name.slice("sha256:".length));
  if (bytes === undefined) throw new Error("NOT_FOUND");
  return Readable.from([bytes], { objectMode: false });
}

function asKnown(kept: KeptMessage | undefined): KnownMessage | undefined {
  if (kept === undefined) return undefined;
  const { message, state, origin, acceptedAt, remoteId, code } = kept;
  return {
    message,
    state,
    origin,
    acceptedAt,
    ...(remoteId === undefined ? {} : { remoteId }),
    ...(code === undefined ? {} : { code }),
  };
}

async function waitSettled(state: MemoryState, id: string, signal: AbortSignal) {
  for (;;) {
    const known = asKnown(state.messages.get(id));
    if (signal.aborted || (known?.state !== "pending" && known?.state !== "sending")) return known;
    await once(state.changed, "change", { signal }).catch(() => undefined);
  }
}

function recordsOf({ records }: MemoryState): BridgeContext<unknown>["records"] {
  return {
    get: async (key) => records.get(key),
    put: async (key, value) => void records.set(key, value),
    remove: async (key) => void records.delete(key),
    list: async (prefix, { after = "", limit = 1_000 } = {}) =>
      [...records]
        .filter(([key]) => key.startsWith(prefix) && key > after)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .slice(0, limit)
        .map(([key, value]) => ({ key, value })),
  };
}

function collectLog(lines: LogLine[]): Log {
  const at = (level: keyof Log) => (fields: Record<string, unknown>, event: string) =>
    void lines.push({ level, event, fields });
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
