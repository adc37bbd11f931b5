import { noticeFor } from "../../../src/model/errors.ts";
import { readBlob } from "./access-point.ts";
import { sortParts, trust } from "./arrival.ts";
import type { Arrival, TrustedArrival } from "./arrival.ts";
import type { As4Parts } from "./contract.ts";
import { shortKey, sourceIdOf } from "./identity.ts";
import type { Ledger, OutgoingRecord, ThreadRecord } from "./ledger.ts";
import type { DecodedPayload, IncomingEnvelope } from "./payload.ts";
import { GatewayError } from "../../../src/model/errors.ts";

/** Takes a message into the gateway: a letter is accepted, an acknowledgement or a reading becomes a receipt. */
export class Admission {
  readonly #parts: As4Parts;
  readonly #ledger: Ledger;
  readonly #now: () => Date;

  constructor(parts: As4Parts, ledger: Ledger) {
    this.#parts = parts;
    this.#ledger = ledger;
    this.#now = parts.now ?? (() => new Date());
  }

  /** Durable once resolved, safe to repeat. @throws GatewayError when it can be neither */
  async admit(arrival: Arrival, signal: AbortSignal): Promise<void> {
    const trusted = trust(arrival, this.#parts);
    if (trusted.purpose === "letter") return this.#takeLetter(trusted, signal);
    const record = await this.#answeredLetter(trusted);
    const document = await this.#document(trusted);
    const { codec, context } = this.#parts;
    const target = { id: record.id };
    const evidence = trusted.original;
    if (trusted.purpose === "readReceipt") {
      const at = codec.readReadReceipt(document);
      return context.report({ target, kind: "retrieved", at, evidence });
    }
    const { accepted, code, detail } = codec.readAcknowledgement(document);
    const at = trusted.header.timestamp ?? this.#now();
    await context.report({
      ...{ target, at, evidence },
      kind: accepted ? "delivered" : "not-delivered",
      detail: detail ?? (accepted ? "acknowledged" : "refused"),
      ...(accepted || code === undefined ? {} : { notice: noticeFor(code) }),
    });
  }

  async #takeLetter(arrival: TrustedArrival, signal: AbortSignal): Promise<void> {
    const { context } = this.#parts;
    const { from, header, messageId, original } = arrival;
    const decoded = await this.#decode(arrival, signal);
    if (decoded.kind === "refused") {
      const { code, detail } = decoded;
      context.log.warn({ messageId, code, detail }, "as4-letter-refused");
      return this.#owe(arrival, false, code);
    }
    const thread = await this.#threadOf(arrival);
    const answered = await this.#ledger.out.get(header.refToMessageId ?? "");
    const inReplyTo =
      answered?.entityId === from.entityId && answered.id !== "" ? answered.id : undefined;
    await context.accept(
      {
        ...decoded.message,
        sourceId: sourceIdOf(from.entityId, messageId),
        conversation: thread.conversation,
        original,
        ...(inReplyTo === undefined ? {} : { inReplyTo }),
      },
      decoded.options,
    );
    await this.#owe(arrival, true);
  }

  async #decode(arrival: TrustedArrival, signal: AbortSignal): Promise<DecodedPayload> {
    const { profile, codec } = this.#parts;
    const { header, messageId, from, to } = arrival;
    const level = header.properties.get(profile.properties.level ?? "");
    const legalBasis = header.properties.get(profile.properties.legalBasis ?? "");
    const envelope: IncomingEnvelope = {
      ...{ messageId, from, to, sentAt: header.timestamp ?? this.#now() },
      ...(level === undefined ? {} : { level }),
      ...(legalBasis === undefined ? {} : { legalBasis }),
    };
    const document = await this.#document(arrival);
    const { attachments } = sortParts(arrival, this.#parts);
    return codec.decode({ document, attachments, envelope }, signal);
  }

  async #document(arrival: Arrival): Promise<Buffer> {
    const { document } = sortParts(arrival, this.#parts);
    const { maxBytes } = this.#parts.profile.payload.document;
    return readBlob(this.#parts.context, document.blob, maxBytes);
  }

  /** The conversation it belongs to: ours when it began here, else one named after sender and ConversationId. */
  async #threadOf({ from, header, messageId }: TrustedArrival): Promise<ThreadRecord> {
    const { entityId } = from;
    const conversationId =
      header.conversationId === undefined || header.conversationId === ""
        ? messageId
        : header.conversationId;
    const known = await this.#ledger.threadNamed(entityId, conversationId);
    if (known !== undefined) return known;
    const conversation = `as4:${entityId}#${conversationId}`;
    const thread: ThreadRecord = { conversation, conversationId, entityId };
    await this.#ledger.putThread(thread);
    return thread;
  }

  /** Only the entity that got the letter may say what became of it. @throws GatewayError ROUTING_INVALID */
  async #answeredLetter({ header, from }: TrustedArrival): Promise<OutgoingRecord> {
    const record = await this.#ledger.out.get(header.refToMessageId ?? "");
    if (record === undefined || record.id === "" || record.entityId !== from.entityId)
      throw new GatewayError("ROUTING_INVALID", "it refers to no letter we sent to that entity");
    return record;
  }

  /** Written down after the letter is durable; sent by the next round, as often as it takes. */
  async #owe(arrival: TrustedArrival, accepted: boolean, code?: string): Promise<void> {
    if (this.#parts.profile.acknowledgement === "none") return;
    const { messageId, from, to, header } = arrival;
    await this.#ledger.debts.put(shortKey(messageId), {
      ...{ messageId, entityId: from.entityId, accepted, at: this.#now().getTime() },
      mailboxes: { from: to.mailbox, to: from.mailbox },
      conversationId: header.conversationId ?? messageId,
      ...(code === undefined ? {} : { code }),
    });
  }
}
