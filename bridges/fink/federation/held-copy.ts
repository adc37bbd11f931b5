import type { X509Certificate } from "node:crypto";
import type { BridgeContext } from "../../../src/bridge/contract.ts";
import { GatewayError } from "../../../src/model/errors.ts";
import type { ErrorCode } from "../../../src/model/errors.ts";
import { certificatesOf } from "./certificates.ts";
import { compare, NOTHING_KNOWN, type Known } from "./changes.ts";
import { createCopyStore, type Copy, type CopyStore } from "./copy.ts";
import { readMetadata, type Metadata } from "./metadata.ts";
import type { MetadataProfile } from "./profile.ts";
import type { FederationSettings } from "./settings.ts";

export interface TakeOptions {
  /** Accepts a copy that expires before the one in use; by default that looks like an old one played again. */
  readonly allowOlder?: boolean;
}
export interface HeldCopyParts {
  readonly context: Pick<
    BridgeContext<unknown>,
    "account" | "records" | "store" | "open" | "log" | "audit"
  >;
  readonly settings: FederationSettings;
  readonly profile: MetadataProfile;
  readonly now: () => Date;
}

/** The copy in use. Every method runs alone: whoever calls takes care of that. */
export class HeldCopy {
  readonly copies: CopyStore;
  readonly #parts: HeldCopyParts;
  #pins: readonly X509Certificate[] | undefined;
  #metadata: Metadata | undefined;
  #copy: Copy | undefined;
  #known: Known | undefined;
  /** Kept bytes that the pins of today do not vouch for, by SHA-256: judged once. */
  #refused: string | undefined;

  constructor(parts: HeldCopyParts) {
    this.#parts = parts;
    this.copies = createCopyStore(parts.context, parts.settings.name);
  }

  get metadata(): Metadata | undefined {
    return this.#metadata;
  }
  /** When the copy was last seen to be the newest one. */
  get confirmedAt(): Date | undefined {
    return this.#copy && new Date(this.#copy.confirmedAt);
  }
  get gone(): Known["gone"] {
    return (this.#known ?? NOTHING_KNOWN).gone;
  }
  /** Certificates of which one must have signed. Throws CERTIFICATE_INVALID for a file that holds none. */
  get pins(): readonly X509Certificate[] {
    return (this.#pins ??= certificatesOf(this.#parts.settings.metadata?.pins ?? []));
  }

  /**
   * Serves what is kept, verified again with the pins of today; an expired copy too, so that it can be told. Throws
   * GatewayError for a copy that the pins no longer vouch for: then nothing is served.
   */
  async adopt(): Promise<void> {
    const copy = await this.copies.copy();
    if (copy === undefined) return;
    if (copy.sha256 === this.#refused) return;
    if (copy.sha256 === this.#copy?.sha256) {
      this.#copy = copy;
      return;
    }
    this.#known = await this.copies.known();
    this.#metadata = undefined;
    this.#copy = undefined;
    // Valid when it was taken: whether it still is, is asked at every use.
    const then = new Date(copy.confirmedAt);
    try {
      this.#metadata = await this.#read(await this.copies.bytes(copy), then);
    } catch (error) {
      if (isRefusal(error)) this.#refused = copy.sha256;
      throw error;
    }
    this.#copy = copy;
  }

  /**
   * Takes new bytes: verified, what changed in the audit log, kept, then served. An interruption in between repeats audit
   * entries and never loses one. Throws GatewayError when they are refused, and then changes nothing.
   */
  async swap(
    bytes: Uint8Array,
    from: Copy["from"],
    { allowOlder = false }: TakeOptions = {},
    signal?: AbortSignal,
  ): Promise<void> {
    const now = this.#parts.now();
    const metadata = await this.#read(bytes, now, signal);
    const kept = await this.copies.copy();
    const dates = { confirmedAt: now.toISOString(), validUntil: metadata.validUntil.toISOString() };
    if (kept?.sha256 === metadata.sha256) {
      // Not served from the kept bytes: they may be damaged or gone, so they are written again.
      const served = this.#copy?.sha256 === kept.sha256;
      const blob = served ? kept.blob : await this.copies.keepBytes(bytes);
      const copy = { ...kept, ...dates, blob };
      await this.copies.keepCopy(copy);
      this.#known = await this.copies.known();
      return this.#serve(metadata, copy);
    }
    const trusted = kept !== undefined && kept.sha256 !== this.#refused;
    const until = trusted ? new Date(kept.validUntil) : new Date(0);
    if (!allowOlder && until > now && metadata.validUntil < until)
      throw new GatewayError(
        "NOT_ALLOWED",
        `these metadata expire (${dates.validUntil}) before those in use: an old copy, or one with a shortened validity; take them by hand if that is meant`,
      );
    const blob = await this.copies.keepBytes(bytes);
    const known = await this.#recordChanges(metadata, now);
    await this.copies.keepKnown(known);
    const fetchedAt = dates.confirmedAt;
    const copy: Copy = { blob, sha256: metadata.sha256, fetchedAt, ...dates, from };
    await this.copies.keepCopy(copy);
    this.#known = known;
    this.#serve(metadata, copy);
  }

  #serve(metadata: Metadata, copy: Copy): void {
    this.#metadata = metadata;
    this.#copy = copy;
  }

  #read(bytes: Uint8Array, now: Date, signal?: AbortSignal): Promise<Metadata> {
    return readMetadata(bytes, { pins: this.pins, now, profile: this.#parts.profile }, signal);
  }

  async #recordChanges(metadata: Metadata, now: Date): Promise<Known> {
    const { account, audit, log } = this.#parts.context;
    const federation = this.#parts.settings.name;
    const before = await this.copies.known();
    const { known, changes } = compare(before ?? NOTHING_KNOWN, metadata.entities, now);
    // The first copy is one entry: everybody in it is new.
    for (const { action, entityId, detail } of before === undefined ? [] : changes) {
      await audit(action, entityId, { federation, ...detail });
      const line = { account, federation, entity: entityId };
      if (action === "federation-participant-removed") log.warn(line, action);
      else log.info(line, action);
    }
    const taken = {
      federation,
      sha256: metadata.sha256,
      entities: metadata.entities.size,
      validUntil: metadata.validUntil.toISOString(),
      changes: changes.length,
    };
    await audit("federation-metadata-taken", federation, taken);
    log.info({ account, ...taken }, "federation-metadata-taken");
    return known;
  }
}

const REFUSALS: readonly ErrorCode[] = [
  ...(["INPUT_HOSTILE", "INPUT_INVALID", "METADATA_EXPIRED"] as const),
  ...(["SIGNATURE_INVALID", "CERTIFICATE_INVALID", "NOT_ALLOWED"] as const),
];

/** The bytes themselves were judged and not taken; anything else (disk, network, stop) may be tried again. */
export function isRefusal(error: unknown): error is GatewayError {
  return error instanceof GatewayError && REFUSALS.includes(error.code);
}
