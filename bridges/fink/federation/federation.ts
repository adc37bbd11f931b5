import { createHash } from "node:crypto";
import type { BridgeContext, CertificateHealth } from "../../../src/bridge/contract.ts";
import { describeError, GatewayError } from "../../../src/model/errors.ts";
import type { Federation, FederationState, Route, RouteDecision } from "../contract.ts";
import { healthOf } from "./certificates.ts";
import { HeldCopy, isRefusal, type TakeOptions } from "./held-copy.ts";
import { readMetadata, type Metadata } from "./metadata.ts";
import { profileOf, type MetadataProfile } from "./profile.ts";
import { resolveRoute } from "./resolve.ts";
import type { RoutingView } from "./resolve.ts";
import type { FederationConfig, FederationSettings, MetadataSettings } from "./settings.ts";
import { markOf, pullMetadata, readPushed } from "./sources.ts";

/** How often it is looked whether a file was pushed, another process took a copy, or a pull is due; milliseconds. */
const LOOK_MS = 10_000;
/** Pause after a pull that failed, milliseconds. */
const RETRY_MS = 15 * 60_000;
/** Stands for a mailbox where only the node is asked about. */
const ANY_MAILBOX = "any";

export interface FederationParts {
  readonly context: Pick<
    BridgeContext<unknown>,
    "account" | "fetch" | "every" | "records" | "store" | "open" | "log" | "audit"
  >;
  readonly settings: FederationConfig;
  readonly now?: () => Date;
}

/** A federation and what only its own bridge and commands ask of it. */
export interface RunningFederation extends Federation {
  /** Loads the last good copy and nothing else: for commands. */
  load(): Promise<void>;
  /** Takes metadata that were pushed. Throws GatewayError when they are refused; the last good copy stays. */
  take(bytes: Uint8Array, options?: TakeOptions, signal?: AbortSignal): Promise<FederationState>;
  /**
   * The nodes to which letters to the configured accounts would go, by the copy in use or by `metadata`: for `ping`.
   */
  nodes(metadata?: Metadata): readonly Route[];
  /** Fetches and verifies the metadata and keeps nothing: for `ping`. Throws GatewayError; undefined without a URL. */
  probe(signal: AbortSignal): Promise<Metadata | undefined>;
  /** What is listed, expired or not; undefined without a copy. */
  readonly metadata: Metadata | undefined;
  /** Entities that left, and when (ISO). */
  readonly gone: Readonly<Record<string, string>>;
  /** The pinned certificates, for `ping` and `check`. */
  certificates(): readonly CertificateHealth[];
}

/** Does nothing yet but read the profile. Throws CONFIG_INVALID when that is wrong. */
export function createFederation(parts: FederationParts): RunningFederation {
  return new FederationIndex(parts);
}

class FederationIndex implements RunningFederation {
  readonly #context: FederationParts["context"];
  readonly #config: FederationConfig;
  readonly #settings: FederationSettings;
  readonly #now: () => Date;
  readonly #profile: MetadataProfile;
  readonly #held: HeldCopy;
  #lastFault: FederationState["lastFault"];
  #triedAt: Date | undefined;
  #fileMark: string | undefined;
  #announced: FederationState["standing"] | undefined;
  #running = false;
  #looksRegularly = false;
  /** One copy after the other, whoever brings them. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor({ context, settings, now = () => new Date() }: FederationParts) {
    this.#context = context;
    this.#config = settings;
    this.#settings = settings.federation;
    this.#now = now;
    this.#profile = profileOf(this.#settings.profile);
    this.#held = new HeldCopy({
      context,
      settings: this.#settings,
      profile: this.#profile,
      now,
    });
  }

  get metadata(): Metadata | undefined {
    return this.#held.metadata;
  }
  get gone(): Readonly<Record<string, string>> {
    return this.#held.gone;
  }

  async start(): Promise<void> {
    await this.load();
    if (this.#settings.metadata === undefined) return;
    this.#announce();
    this.#running = true;
    // Once: what the gateway repeats for us it stops by itself, and a second start must not double it.
    if (!this.#looksRegularly)
      this.#context.every(LOOK_MS, async (signal) => {
        if (this.#running) await this.#look(signal);
      });
    this.#looksRegularly = true;
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#turn;
  }

  async load(): Promise<void> {
    if (this.#settings.metadata === undefined) return;
    // Refused with the pins of today, or damaged: told by `state`, tried again, and no reason not to start.
    await this.#guarded(() => this.#held.adopt()).catch(() => undefined);
  }

  state(): FederationState {
    const { metadata, confirmedAt } = this.#held;
    return {
      name: this.#settings.name,
      standing: this.#standing(),
      entities: metadata?.entities.size ?? 0,
      ...(confirmedAt === undefined ? {} : { loadedAt: confirmedAt }),
      ...(metadata === undefined ? {} : { validUntil: metadata.validUntil }),
      ...(this.#lastFault === undefined ? {} : { lastFault: this.#lastFault }),
    };
  }

  resolve(entityId: string, mailbox: string): RouteDecision {
    return resolveRoute(this.#view(), entityId, mailbox);
  }

  #view(): RoutingView {
    return {
      settings: this.#config,
      profile: this.#profile,
      standing: this.#standing(),
      entities: this.#held.metadata?.entities ?? new Map(),
      gone: this.#held.gone,
      now: this.#now(),
    };
  }

  nodes(metadata = this.#held.metadata): readonly Route[] {
    const { federation, participants } = this.#config;
    const standing = metadata === this.#held.metadata ? this.#standing() : "current";
    const view = { ...this.#view(), standing, entities: metadata?.entities ?? new Map() };
    const ids = new Set([
      ...federation.overrides.map(({ entityId }) => entityId),
      ...participants.list.flatMap(({ account }) => account.entityIds),
    ]);
    return [...ids].flatMap((entityId) => {
      const decision = resolveRoute(view, entityId, ANY_MAILBOX);
      return decision.kind === "route" ? [decision.route] : [];
    });
  }

  async refresh(signal: AbortSignal): Promise<FederationState> {
    const { url, ca } = this.#requireSource();
    if (url === undefined)
      throw new GatewayError("NOT_ALLOWED", "no `metadata.url` is configured; push a file");
    this.#triedAt = this.#now();
    const source = { url, ca: ca?.text };
    // Fetched outside of the turn: a server that hangs must not hold up a copy that is pushed.
    const pulling = pullMetadata(this.#context.fetch, source, signal);
    const bytes = await pulling.catch((error: unknown) => this.#refused(error, signal));
    return this.#guarded(() => this.#held.swap(bytes, "url", {}, signal), signal);
  }

  async take(
    bytes: Uint8Array,
    options: TakeOptions = {},
    signal?: AbortSignal,
  ): Promise<FederationState> {
    this.#requireSource();
    return this.#guarded(() => this.#held.swap(bytes, "command", options, signal), signal);
  }

  async probe(signal: AbortSignal): Promise<Metadata | undefined> {
    const { url, ca } = this.#settings.metadata ?? {};
    if (url === undefined) return undefined;
    const bytes = await pullMetadata(this.#context.fetch, { url, ca: ca?.text }, signal);
    const { pins } = this.#held;
    return readMetadata(bytes, { pins, now: this.#now(), profile: this.#profile }, signal);
  }

  certificates(): readonly CertificateHealth[] {
    return this.#held.pins.map((pin) => healthOf(pin, "signature of the federation metadata"));
  }

  #requireSource(): MetadataSettings {
    const { metadata } = this.#settings;
    if (metadata !== undefined) return metadata;
    throw new GatewayError("NOT_ALLOWED", "no `federation.metadata` is configured");
  }

  #standing(): FederationState["standing"] {
    const { metadata, confirmedAt } = this.#held;
    if (metadata === undefined || confirmedAt === undefined) return "missing";
    const now = this.#now().getTime();
    if (metadata.validUntil.getTime() <= now) return "expired";
    const { alarmAfter } = this.#requireSource();
    return now - confirmedAt.getTime() > alarmAfter ? "old" : "current";
  }

  /** Works alone, and remembers why a copy was refused. */
  #guarded(work: () => Promise<void>, signal?: AbortSignal): Promise<FederationState> {
    const next = this.#turn.then(async () => {
      await work().catch((error: unknown) => this.#refused(error, signal));
      if (this.#held.metadata !== undefined) this.#lastFault = undefined;
      this.#announce();
      return this.state();
    });
    this.#turn = next.catch(() => undefined);
    return next;
  }

  #refused(error: unknown, signal?: AbortSignal): never {
    if (signal?.aborted === true) throw error;
    const code = error instanceof GatewayError ? error.code : "INTERNAL";
    const detail = describeError(error);
    // Told once: what is tried again every few seconds would fill the log.
    const told = this.#lastFault?.code === code && this.#lastFault.detail === detail;
    this.#lastFault = { code, detail, at: this.#now() };
    if (told) throw error;
    const { account, log } = this.#context;
    const fields = { account, federation: this.#settings.name, code, error: detail };
    log.warn(fields, "federation-metadata-refused");
    throw error;
  }

  /** What there is to do every few seconds. One step that fails does not keep the others from being done. */
  async #look(signal: AbortSignal): Promise<void> {
    const faults: unknown[] = [];
    for (const step of [this.#adoptOthers, this.#takePushed, this.#pullWhenDue])
      await step.call(this, signal).catch((error: unknown) => faults.push(error));
    this.#announce();
    if (faults.length > 0) throw faults[0];
  }

  /** Another process (a command, another node) may have taken a newer copy. */
  async #adoptOthers(): Promise<void> {
    const next = this.#turn.then(() => this.#held.adopt());
    this.#turn = next.catch(() => undefined);
    await next.catch((error: unknown) => this.#refused(error));
  }

  async #takePushed(signal: AbortSignal): Promise<void> {
    const path = this.#settings.metadata?.file;
    const mark = path === undefined ? undefined : await markOf(path);
    if (path === undefined || mark === undefined || mark === this.#fileMark) return;
    const bytes = await readPushed(path).catch((error: unknown) => {
      this.#fileMark = mark;
      return this.#refused(error, signal);
    });
    if (bytes === undefined) return;
    const { copies } = this.#held;
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    // Looked at once and for all: a file that lies there must not come back after a newer copy.
    if (sha256 !== (await copies.seenFile())) {
      const taken = await this.#guarded(() => this.#held.swap(bytes, "file", {}, signal), signal)
        .then(() => undefined)
        .catch((error: unknown) => ({ error }));
      if (taken !== undefined && !isRefusal(taken.error)) throw taken.error;
      await copies.keepSeenFile(sha256);
      this.#fileMark = mark;
      if (taken !== undefined) throw taken.error;
    }
    this.#fileMark = mark;
  }

  async #pullWhenDue(signal: AbortSignal): Promise<void> {
    const { metadata } = this.#settings;
    if (metadata?.url === undefined) return;
    const now = this.#now().getTime();
    const since = (date: Date | undefined) => now - (date?.getTime() ?? 0);
    if (since(this.#held.confirmedAt) < metadata.pullEvery) return;
    if (since(this.#triedAt) < Math.min(RETRY_MS, metadata.pullEvery)) return;
    await this.refresh(signal);
  }

  /** The alarm: once when it begins, once when it ends. */
  #announce(): void {
    const { standing, lastFault, ...facts } = this.state();
    if (standing === this.#announced) return;
    const { account, log } = this.#context;
    const fields = { account, ...facts, ...(lastFault ? { lastFault: lastFault.code } : {}) };
    const before = this.#announced;
    this.#announced = standing;
    if (standing === "old") log.error(fields, "federation-metadata-old");
    else if (standing === "expired") log.error(fields, "federation-metadata-expired");
    else if (standing === "missing") log.warn(fields, "federation-metadata-missing");
    else if (before !== undefined) log.info(fields, "federation-metadata-current");
  }
}
