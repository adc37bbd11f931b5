import { randomUUID } from "node:crypto";
import type { QuarantinedInput } from "../../../src/bridge/contract.ts";
import { describeError, DeliveryError, GatewayError } from "../../../src/model/errors.ts";
import type { ErrorCode } from "../../../src/model/errors.ts";
import type { BlobRef } from "../../../src/model/message.ts";
import type { AccessPoint } from "./access-point.ts";
import type { Admission } from "./admission.ts";
import { contentTypeOf, readAnswer } from "./answer.ts";
import { readArrival } from "./arrival.ts";
import type { Arrival } from "./arrival.ts";
import type { As4Parts } from "./contract.ts";
import { shortKey } from "./identity.ts";
import type { Ledger } from "./ledger.ts";
import { AccessPointFault } from "./outcome.ts";

/** Names what is in quarantine. */
const SOURCE_PREFIX = "as4:";
export function isFromAccessPoint({ sourceId }: Pick<QuarantinedInput, "sourceId">): boolean {
  return sourceId.startsWith(SOURCE_PREFIX);
}
/** Faults of our own house: the message stays at the access point and is fetched again. */
const OWN_FAULTS: readonly ErrorCode[] = [
  "STORE_UNAVAILABLE",
  "STORE_NEWER",
  "KEY_MISMATCH",
  "SECRET_UNREADABLE",
  "CONFIG_INVALID",
];

/**
 * Fetches what waits at the access point:
 * listed → fetched, not marked (every byte here) → accepted or in quarantine (COMMIT) → marked → gone from the list.
 * A crash anywhere repeats from the list; `accept` sees the repetition.
 */
export class Intake {
  readonly #parts: As4Parts;
  readonly #accessPoint: AccessPoint;
  readonly #ledger: Ledger;
  readonly #admission: Admission;
  #probed = false;

  constructor(parts: As4Parts, accessPoint: AccessPoint, ledger: Ledger, admission: Admission) {
    this.#parts = parts;
    this.#accessPoint = accessPoint;
    this.#ledger = ledger;
    this.#admission = admission;
  }

  /** Reads kept bytes once more, by the federation and the settings of today. @throws GatewayError when it still fails */
  async readmit(item: QuarantinedInput, signal: AbortSignal): Promise<void> {
    await this.#admission.admit(await this.#readKept(item), signal);
  }

  /** What cannot be read, or whose sender is not proved, has nobody to be told. */
  async dismiss(item: QuarantinedInput): Promise<void> {
    try {
      await this.#admission.refuse(await this.#readKept(item), item.code);
    } catch (error) {
      if (isOurs(error)) throw error;
      const fields = { sourceId: item.sourceId, error: describeError(error) };
      this.#parts.context.log.info(fields, "as4-rejected-without-acknowledgement");
    }
  }

  async #readKept({ sourceId, original }: QuarantinedInput): Promise<Arrival> {
    const { context } = this.#parts;
    const contentType = await contentTypeOf(context, original);
    const bytes = (await context.open(original)) as AsyncIterable<Uint8Array>;
    const value = await readAnswer(contentType, bytes, context.store);
    const messageId = sourceId.slice(SOURCE_PREFIX.length);
    return readArrival(messageId, { original, result: { value } }, value);
  }

  async round(signal: AbortSignal): Promise<void> {
    const ids = await this.#accessPoint.pending(signal);
    if (ids.length === 0) return;
    if (!this.#probed) await this.#probe(signal);
    this.#probed = true;
    const batch = [...new Set(ids)].slice(0, this.#parts.profile.backend.batch);
    const arrivals: Arrival[] = [];
    for (const messageId of batch) {
      signal.throwIfAborted();
      const arrival = await this.#fetch(messageId, signal);
      if (arrival !== undefined) arrivals.push(arrival);
    }
    // The order of the list is not documented; the time the sender wrote is the best order there is.
    arrivals.sort((one, other) => timeOf(one) - timeOf(other));
    for (const arrival of arrivals) {
      signal.throwIfAborted();
      await this.#keep(arrival, signal);
    }
  }

  /**
   * Older plug-ins mark while they answer: a connection that breaks then loses the letter. The operation that came
   * together with the attribute is asked about an id that cannot exist; only a plug-in that knows it says so itself.
   */
  async #probe(signal: AbortSignal): Promise<void> {
    try {
      await this.#accessPoint.markDownloaded(`${randomUUID()}@probe.invalid`, signal);
    } catch (cause) {
      if (cause instanceof AccessPointFault) return;
      if (cause instanceof DeliveryError && cause.fault !== "permanent") throw cause;
      const message =
        "the access point cannot hand out messages without marking them (needs Domibus 5.1 or later)";
      throw new GatewayError("CONFIG_INVALID", message, { cause });
    }
  }

  async #fetch(messageId: string, signal: AbortSignal): Promise<Arrival | undefined> {
    const { context } = this.#parts;
    const record = await this.#ledger.arrived.get(shortKey(messageId));
    if (record?.state === "kept") {
      await this.#mark(messageId, signal);
      return undefined;
    }
    let original: BlobRef | undefined;
    try {
      const kept = await this.#accessPoint.retrieve(messageId, signal);
      original = kept.original;
      if ("fault" in kept.result) throw kept.result.fault;
      return readArrival(messageId, kept, kept.result.value);
    } catch (error) {
      if (error instanceof AccessPointFault) {
        context.log.warn({ messageId, code: error.code }, "as4-message-not-handed-out");
        return undefined;
      }
      if (isOurs(error)) throw error;
      await this.#setAside(messageId, error, original, record?.tries ?? 0, signal);
      return undefined;
    }
  }

  /** An answer that cannot be read may be damaged on the way: fetched again some times before a human looks at it. */
  async #setAside(
    messageId: string,
    error: unknown,
    original: BlobRef | undefined,
    before: number,
    signal: AbortSignal,
  ): Promise<void> {
    const tries = before + 1;
    const { log } = this.#parts.context;
    const fault =
      error instanceof GatewayError
        ? error
        : new GatewayError("INTERNAL", "the message could not be taken", { cause: error });
    log.error(
      { messageId, code: fault.code, error: describeError(error), tries },
      "as4-message-unreadable",
    );
    // Without its bytes (larger than an answer may be) it must stay where it is.
    if (original !== undefined && tries >= this.#parts.profile.backend.retrieveTries)
      return this.#quarantine(messageId, fault, original, signal);
    await this.#ledger.arrived.put(shortKey(messageId), { state: "trying", tries });
  }

  async #keep(arrival: Arrival, signal: AbortSignal): Promise<void> {
    const { messageId, original } = arrival;
    try {
      await this.#admission.admit(arrival, signal);
    } catch (error) {
      if (isOurs(error)) throw error;
      if (error instanceof GatewayError && error.code === "NOT_ALLOWED") {
        // The phase takes nothing: the letter stays at the access point, and what comes behind it may be an answer.
        this.#parts.context.log.info({ messageId, detail: error.message }, "as4-message-left");
        return;
      }
      if (error instanceof GatewayError)
        return this.#quarantine(messageId, error, original, signal);
      // A fault of the code: it must not hold up what comes behind it.
      const record = await this.#ledger.arrived.get(shortKey(messageId));
      return this.#setAside(messageId, error, original, record?.tries ?? 0, signal);
    }
    await this.#mark(messageId, signal);
  }

  async #quarantine(
    messageId: string,
    error: GatewayError,
    original: BlobRef,
    signal: AbortSignal,
  ): Promise<void> {
    const { code, message: detail } = error;
    const sourceId = SOURCE_PREFIX + messageId;
    await this.#parts.context.quarantine({ sourceId, code, detail, original });
    await this.#mark(messageId, signal);
  }

  /** Only what is durable here. The record makes a cut connection at this point cost one call, not one more fetch. */
  async #mark(messageId: string, signal: AbortSignal): Promise<void> {
    const key = shortKey(messageId);
    await this.#ledger.arrived.put(key, { state: "kept", tries: 0 });
    try {
      await this.#accessPoint.markDownloaded(messageId, signal);
    } catch (error) {
      if (!(error instanceof AccessPointFault)) throw error;
      // Marked already, by an attempt whose answer was lost.
      this.#parts.context.log.info({ messageId, code: error.code }, "as4-message-marked-before");
    }
    await this.#ledger.arrived.remove(key);
  }
}

function isOurs(error: unknown): boolean {
  if (error instanceof GatewayError) return OWN_FAULTS.includes(error.code);
  return error instanceof DeliveryError || (error instanceof Error && error.name === "AbortError");
}

function timeOf({ header }: Arrival): number {
  return header.timestamp?.getTime() ?? 0;
}
