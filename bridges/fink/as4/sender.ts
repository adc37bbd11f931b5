import type { Delivery } from "../../../src/bridge/contract.ts";
import { DeliveryError, GatewayError } from "../../../src/model/errors.ts";
import type { Message } from "../../../src/model/message.ts";
import type { Receipt } from "../../../src/model/receipt.ts";
import { parseRemoteAddress } from "../address.ts";
import type { Route } from "../contract.ts";
import type { AccessPoint } from "./access-point.ts";
import { stageOf } from "./codes.ts";
import type { Stage } from "./codes.ts";
import type { As4Parts } from "./contract.ts";
import { sourceIdOf } from "./identity.ts";
import type { Identity } from "./identity.ts";
import type { Ledger, ThreadRecord } from "./ledger.ts";
import { AccessPointFault, failureOf, refusalOf } from "./outcome.ts";
import { submit } from "./submission.ts";
import type { Submission } from "./submission.ts";

const HOUR_MS = 3_600_000;

/** Letters of ours. The message id never changes, so the access point itself sees every repetition. */
export class Sender {
  readonly #parts: As4Parts;
  readonly #accessPoint: AccessPoint;
  readonly #ledger: Ledger;
  readonly #identity: Identity;
  readonly #now: () => Date;

  constructor(parts: As4Parts, accessPoint: AccessPoint, ledger: Ledger, identity: Identity) {
    this.#parts = parts;
    this.#accessPoint = accessPoint;
    this.#ledger = ledger;
    this.#identity = identity;
    this.#now = parts.now ?? (() => new Date());
  }

  /** Hands a letter to the access point. @throws DeliveryError */
  async deliver(
    message: Message,
    route: Route,
    deliveryId: string,
    signal: AbortSignal,
  ): Promise<Delivery> {
    const messageId = this.#identity.messageId(deliveryId);
    const known = await this.#ledger.out.get(messageId);
    const there = known === undefined ? undefined : await this.#lookUp(messageId, signal);
    if (there !== undefined) return there;
    const thread = await this.#threadFor(message, route);
    await this.#waitForPredecessor(thread, messageId, signal);
    const submission = await this.#compose(message, route, messageId, thread, signal);
    const at = this.#now();
    // Before a byte leaves: an answer, a receipt or a crash right after it must find the letter.
    const record = { id: message.id, entityId: route.entityId, at: known?.at ?? at.getTime() };
    await this.#ledger.putThread({ ...thread, last: messageId });
    await this.#ledger.out.put(messageId, { ...record, stage: "submitting" });
    await this.#ledger.watch(messageId);
    try {
      await submit(this.#parts, this.#accessPoint, submission, at, signal);
    } catch (error) {
      return this.#settle(messageId, error, signal);
    }
    await this.#ledger.out.put(messageId, { ...record, stage: "under-way" });
    return { remoteId: messageId, receipt: this.#receiptFor("under-way") };
  }

  /** Settles an unknown outcome by asking the access point. */
  async find(deliveryId: string, signal: AbortSignal): Promise<Delivery | "absent" | undefined> {
    const messageId = this.#identity.messageId(deliveryId);
    const known = await this.#ledger.out.get(messageId);
    // The record is written before the first byte: without it nothing was ever handed over.
    if (known === undefined) return "absent";
    const { status } = await this.#accessPoint.status(messageId, signal);
    const stage = stageOf(status);
    if (isThere(stage)) return { remoteId: messageId, receipt: this.#receiptFor(stage) };
    if (stage === "absent") {
      const age = this.#now().getTime() - known.at;
      return age < this.#parts.profile.backend.absentHours * HOUR_MS ? "absent" : undefined;
    }
    if (stage !== "failed") return undefined;
    // "absent" lets `deliver` look again and end the letter with the reason; nothing is sent twice.
    const { entries } = await this.#accessPoint.errors(messageId, signal);
    return failureOf(entries).fault === "permanent" ? "absent" : undefined;
  }

  /** The stage as the sender of the letter is shown it. */
  #receiptFor(stage: "under-way" | "retrying" | "acknowledged"): Receipt {
    return { kind: receiptKind(stage, this.#parts), at: this.#now() };
  }

  /** A delivery when the access point has the letter; undefined when it has not. @throws DeliveryError when it gave up */
  async #lookUp(messageId: string, signal: AbortSignal): Promise<Delivery | undefined> {
    const { status } = await this.#accessPoint.status(messageId, signal);
    const stage = stageOf(status);
    if (isThere(stage)) return { remoteId: messageId, receipt: this.#receiptFor(stage) };
    if (stage === "failed")
      throw failureOf((await this.#accessPoint.errors(messageId, signal)).entries);
    if (stage === "unclear")
      throw new DeliveryError(
        "unknown",
        "OUTCOME_UNKNOWN",
        `the access point says ${status.slice(0, 40)}`,
      );
    return undefined;
  }

  /** A refusal may mean that an earlier attempt had come through: the access point's own list decides. */
  async #settle(messageId: string, error: unknown, signal: AbortSignal): Promise<Delivery> {
    if (!(error instanceof AccessPointFault)) throw asDeliveryError(error);
    const there = await this.#lookUp(messageId, signal).catch((cause: unknown) => {
      if (cause instanceof DeliveryError && cause.fault !== "transient") throw cause;
      const text = "refused, perhaps as a repetition, and the state cannot be asked for";
      throw new DeliveryError("unknown", "OUTCOME_UNKNOWN", text, { cause });
    });
    if (there !== undefined) return there;
    const refusal = refusalOf(error);
    if (refusal.fault === "permanent") await this.#ledger.unwatch(messageId);
    throw refusal;
  }

  /** Two messages at the access point may overtake each other: the next one goes when the receipt for this is there. */
  async #waitForPredecessor(thread: ThreadRecord, messageId: string, signal: AbortSignal) {
    const { last } = thread;
    if (this.#parts.settings.order === "relaxed" || last === undefined || last === messageId)
      return;
    const record = await this.#ledger.out.get(last);
    if (record === undefined || record.stage === "acknowledged" || record.stage === "failed")
      return;
    const { status } = await this.#accessPoint.status(last, signal);
    const stage = stageOf(status);
    if (stage !== "under-way" && stage !== "retrying") return;
    throw new DeliveryError(
      "transient",
      "REMOTE_UNAVAILABLE",
      `the letter before this one is still at the access point (${status})`,
      { notice: "Das vorige Schreiben ist noch unterwegs; dieses folgt danach." },
    );
  }

  async #threadFor(message: Message, route: Route): Promise<ThreadRecord> {
    const { conversation } = message;
    const known = await this.#ledger.threadOf(conversation);
    if (known?.entityId === route.entityId) return known;
    const conversationId = this.#identity.conversationId(`${route.entityId} ${conversation}`);
    return { conversation, conversationId, entityId: route.entityId };
  }

  /** The MessageId of the letter that this one answers, when it came from the same entity through this transport. */
  async #answered({ inReplyTo }: Message, { entityId }: Route): Promise<string | undefined> {
    if (inReplyTo === undefined) return undefined;
    const known = await this.#parts.context.recall(inReplyTo);
    const prefix = sourceIdOf(entityId, "");
    const sourceId = known?.message.sourceId ?? "";
    return sourceId.startsWith(prefix) ? sourceId.slice(prefix.length) : undefined;
  }

  async #compose(
    message: Message,
    route: Route,
    messageId: string,
    thread: ThreadRecord,
    signal: AbortSignal,
  ): Promise<Submission> {
    const { codec, profile } = this.#parts;
    const { document, attachments, mailbox, level, legalBasis } = await codec
      .encode(message, route, signal)
      .catch((error: unknown) => {
        throw asDeliveryError(error);
      });
    const answered = await this.#answered(message, route);
    return {
      ...{ messageId, conversationId: thread.conversationId, entityId: route.entityId },
      ...(answered === undefined ? {} : { refToMessageId: answered }),
      action: profile.exchange.actions.letter,
      mailboxes: {
        from: mailbox ?? parseRemoteAddress(message.from.address)?.mailbox ?? message.from.address,
        to: route.mailbox,
      },
      ...{ document, attachments },
      ...(level === undefined ? {} : { level: String(level) }),
      ...(legalBasis === undefined ? {} : { legalBasis }),
    };
  }
}

/** With an acknowledgement to come, the receipt of the access point is only half the way (bundid-fink.md §7.7). */
export function receiptKind(stage: "under-way" | "retrying" | "acknowledged", parts: As4Parts) {
  if (stage === "under-way") return "submission-accepted";
  if (stage === "retrying") return "delayed";
  return parts.profile.acknowledgement === "none" ? "delivered" : "relayed";
}

function isThere(stage: Stage): stage is "under-way" | "retrying" | "acknowledged" {
  return stage === "under-way" || stage === "retrying" || stage === "acknowledged";
}

/** A letter that cannot be written is refused for good; anything else that is ours keeps its outcome open. */
function asDeliveryError(error: unknown): DeliveryError {
  if (error instanceof DeliveryError) return error;
  if (error instanceof GatewayError && error.code === "CONTENT_REJECTED")
    return new DeliveryError("permanent", "CONTENT_REJECTED", error.message, { cause: error });
  return new DeliveryError(
    "unknown",
    "OUTCOME_UNKNOWN",
    "a fault while the letter was handed over",
    {
      cause: error,
    },
  );
}
