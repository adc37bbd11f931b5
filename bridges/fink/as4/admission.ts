import { GatewayError, noticeFor } from "../../../src/model/errors.ts";
import type { ErrorCode } from "../../../src/model/errors.ts";
import type { Message } from "../../../src/model/message.ts";
import { normaliseMailbox, parseRemoteAddress } from "../address.ts";
import { readBlob } from "./access-point.ts";
import { sortParts, trust } from "./arrival.ts";
import type { Arrival, TrustedArrival } from "./arrival.ts";
import type { As4Parts } from "./contract.ts";
import { shortKey, sourceIdOf } from "./identity.ts";
import type { DebtRecord, Ledger, OutgoingRecord, ThreadRecord } from "./ledger.ts";
import type { DecodedPayload, IncomingEnvelope } from "./payload.ts";

type Verdict = Pick<DebtRecord, "accepted" | "code" | "letter">;

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
    const { from, messageId, original } = arrival;
    const answered = await this.#answered(arrival);
    const decoded = await this.#decode(arrival, answered, signal);
    if (decoded.kind === "refused") {
      const { code, detail } = decoded;
      context.log.warn({ messageId, code, detail }, "as4-letter-refused");
      return this.#owe(arrival, { accepted: false, code });
    }
    const thread = await this.#threadOf(arrival);
    const { id } = await context.accept(
      {
        ...decoded.message,
        sourceId: sourceIdOf(from.entityId, messageId),
        conversation: thread.conversation,
        original,
        ...(answered === undefined ? {} : { inReplyTo: answered.id }),
      },
      decoded.options,
    );
    // A positive acknowledgement counts as delivery into a mailbox that somebody reads.
    const held = (await context.recall(id))?.state === "held";
    await this.#owe(arrival, { accepted: true, ...(held ? { letter: id } : {}) });
  }

  /** An operator rejected what had not become a letter: its sender is told, where it can be known who that is. */
  async refuse(arrival: Arrival, code: ErrorCode): Promise<void> {
    const trusted = trust(arrival, this.#parts);
    if (trusted.purpose === "letter") await this.#owe(trusted, { accepted: false, code });
  }

  /** The letter of ours that this one answers: believed only from the mailbox to which it went. */
  async #answered({ header, from }: TrustedArrival): Promise<Message | undefined> {
    const record = await this.#ledger.out.get(header.refToMessageId ?? "");
    if (record === undefined || record.id === "") return undefined;
    const message = (await this.#parts.context.recall(record.id))?.message;
    const to = parseRemoteAddress(message?.to[0]?.address ?? "");
    const same =
      to !== undefined && normaliseMailbox(to.mailbox) === normaliseMailbox(from.mailbox);
    return same && to.entityId === from.entityId ? message : undefined;
  }

  async #decode(
    arrival: TrustedArrival,
    answered: Message | undefined,
    signal: AbortSignal,
  ): Promise<DecodedPayload> {
    const { profile, codec } = this.#parts;
    const { header, messageId, from, to } = arrival;
    const level = header.properties.get(profile.properties.level ?? "");
    const legalBasis = header.properties.get(profile.properties.legalBasis ?? "");
    const envelope: IncomingEnvelope = {
      ...{ messageId, from, to, sentAt: header.timestamp ?? this.#now() },
      ...(level === undefined ? {} : { level }),
      ...(legalBasis === undefined ? {} : { legalBasis }),
      ...(answered === undefined ? {} : { answered }),
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
  async #owe(arrival: TrustedArrival, result: Verdict): Promise<void> {
    if (this.#parts.profile.acknowledgement === "none") return;
    const { messageId, from, to, header } = arrival;
    await this.#ledger.debts.put(shortKey(messageId), {
      ...{ messageId, entityId: from.entityId, at: this.#now().getTime(), ...result },
      mailboxes: { from: to.mailbox, to: from.mailbox },
      conversationId: header.conversationId ?? messageId,
    });
  }
}
