import type {
  Bridge,
  BridgeContext,
  Delivery,
  Health,
  QuarantinedInput,
} from "../../src/bridge/contract.ts";
import { DeliveryError, describeError, GatewayError } from "../../src/model/errors.ts";
import type { Message, Party } from "../../src/model/message.ts";
import { rankOf } from "../../src/model/receipt.ts";
import type { Receipt } from "../../src/model/receipt.ts";
import { confirmRetrieval, deliverAnswer } from "./answers.ts";
import { EXTRA, signerOf } from "./codec.ts";
import { readBlob } from "./files.ts";
import { findLetter, probeMailbox } from "./find.ts";
import { forwardOriginal } from "./forward.ts";
import { createGenerations, WINDOW_MS } from "./generations.ts";
import { openInlet } from "./inlet.ts";
import { loadPeers } from "./inlet-checks.ts";
import type { InletParts } from "./inlet-parts.ts";
import { isUuid } from "./letter-rules.ts";
import { REFUSED_PREFIX } from "./mirror.ts";
import { deliverLetter, deliverState } from "./outbound.ts";
import { profileFor } from "./profile.ts";
import type { Profile } from "./profile.ts";
import { purgeRecords } from "./purge.ts";
import { createReceiptMails, MAIL_SOURCE } from "./receipts.ts";
import type { ReceiptMails } from "./receipts.ts";
import { createReplies } from "./replies.ts";
import type { Replies } from "./replies.ts";
import { REPLY_PREFIX } from "./reply-record.ts";
import { createSender } from "./sender.ts";
import type { Sender } from "./sender.ts";
import type { Settings } from "./settings.ts";
import { createShelf } from "./shelf.ts";
import { certificatesOf } from "./verify.ts";

const PURGE_EVERY_MS = 6 * 3_600_000;
const MAX_READMITTED_BYTES = 16_000_000;

/** One BundID account: the way to ZBP, the inlet for legacy systems, or both. Which of them a letter takes says `wayOf`. */
export class BundidBridge implements Bridge {
  readonly #context: BridgeContext<Settings>;
  readonly #profile: Profile;
  readonly #sender: Sender | undefined;
  readonly #inlet: InletParts | undefined;
  readonly #replies: Replies | undefined;
  readonly #mails: ReceiptMails | undefined;
  readonly #listeners: { close(): Promise<void> }[] = [];
  #started = false;
  #tasksGiven = false;

  /** @throws GatewayError for keys, certificates or a profile that cannot be used */
  constructor(context: BridgeContext<Settings>) {
    const { config } = context;
    this.#context = context;
    this.#profile = profileFor(config.profile);
    const sender = config.sender && createSender(context, config.sender, this.#profile);
    this.#sender = sender;
    this.#inlet = config.inlet && this.#makeInlet(config.inlet, sender);
    this.#replies = sender?.settings.replies.enabled ? createReplies(context, sender) : undefined;
    this.#mails = sender && createReceiptMails(context, this.#profile, sender.routing);
  }

  #makeInlet(settings: NonNullable<Settings["inlet"]>, sender: Sender | undefined): InletParts {
    const context = this.#context;
    return {
      context,
      settings,
      profile: this.#profile,
      peers: loadPeers(settings.senders),
      generations: createGenerations(context, () => new Date()),
      shelf: createShelf(context),
      sender,
    };
  }

  async start(): Promise<void> {
    if (this.#started) return;
    this.#started = true;
    const { receipts } = this.#context.config;
    try {
      if (receipts !== undefined && this.#mails !== undefined)
        this.#listeners.push(await this.#mails.listen(receipts));
      if (this.#inlet !== undefined) this.#listeners.push(await openInlet(this.#inlet));
    } catch (error) {
      await this.stop();
      throw error;
    }
    if (!this.#tasksGiven) this.#giveTasks();
    this.#tasksGiven = true;
  }

  /** Once: what the gateway repeats for us it stops by itself, and a second start must not double it. */
  #giveTasks(): void {
    const { sender } = this.#context.config;
    const replies = this.#replies;
    if (replies !== undefined && sender !== undefined)
      this.#context.every(sender.replies.pollEvery, (signal) => replies.poll(signal));
    if (this.#inlet !== undefined) this.#context.every(PURGE_EVERY_MS, () => this.#purge());
  }

  async stop(): Promise<void> {
    const listeners = this.#listeners.splice(0);
    await Promise.all(listeners.map((listener) => listener.close()));
    this.#started = false;
  }

  async deliver(message: Message, deliveryId: string, signal: AbortSignal): Promise<Delivery> {
    switch (wayOf(message)) {
      case "forward":
        return forwardOriginal(this.#context, this.#needSender(), message, deliveryId, signal);
      case "answer":
        return deliverAnswer(this.#needInlet(), message, deliveryId, signal);
      case "state":
        return deliverState(this.#context, this.#needSender(), message, deliveryId, signal);
      case "letter":
        return deliverLetter(this.#context, this.#needSender(), message, deliveryId, signal);
    }
  }

  async find(
    message: Message,
    deliveryId: string,
    signal: AbortSignal,
  ): Promise<Delivery | "absent" | undefined> {
    const way = wayOf(message);
    if (way === "letter" && this.#sender !== undefined)
      return findLetter(this.#context, this.#sender, message, signal);
    if (way === "answer" && this.#inlet !== undefined) {
      const signer = signerOf(message.to[0]?.address ?? "");
      const known = this.#inlet.peers.find(({ cn }) => cn === signer);
      if (known?.settings.replies === "pull") return this.#inlet.shelf.has(deliveryId);
    }
    return undefined;
  }

  async notify(
    message: Message,
    receipt: Receipt,
    signal: AbortSignal,
  ): Promise<"told" | "not-wanted"> {
    const { extra = {} } = message;
    if (extra[EXTRA.way] === "inlet" && this.#inlet !== undefined)
      return confirmRetrieval(this.#inlet, message, receipt, signal);
    const replyId = extra[EXTRA.replyId];
    // Lower stages may be skipped: whatever is at least a refusal may be the one that tells the end.
    const late = rankOf(receipt.kind) >= rankOf("submission-rejected");
    if (replyId === undefined || this.#replies === undefined || !late) return "not-wanted";
    await this.#replies.settle(replyId, signal).catch((cause: unknown) => {
      throw cause instanceof DeliveryError
        ? cause
        : new DeliveryError("transient", "REMOTE_UNAVAILABLE", describeError(cause), { cause });
    });
    return "told";
  }

  async resolve(query: string, signal: AbortSignal): Promise<readonly Party[]> {
    const uuid = query.trim().toLowerCase();
    if (this.#sender === undefined || !isUuid(uuid)) return [];
    const there = await probeMailbox(this.#sender, uuid, signal);
    return there === false ? [] : [{ address: uuid, role: "citizen" }];
  }

  async ping(signal: AbortSignal): Promise<Health> {
    const certificates = certificatesOf(this.#context.config);
    if (this.#sender === undefined) {
      const open = this.#listeners.length > 0;
      return { ok: true, detail: open ? "the inlet listens" : "the inlet is closed", certificates };
    }
    try {
      const { method, path } = this.#profile.ping;
      const answer = await this.#sender.transport.call({ method, path, ok: [] }, signal);
      const refused = answer.status === 401 || answer.status === 403;
      const detail = `connected, answered ${answer.status}`;
      return { ok: !refused && answer.status < 500, detail, certificates };
    } catch (error) {
      return { ok: false, detail: describeError(error), certificates };
    }
  }

  async readmit(item: QuarantinedInput, signal: AbortSignal): Promise<void> {
    const bytes = await readBlob(this.#context, item.original, MAX_READMITTED_BYTES);
    if (item.sourceId.startsWith(REPLY_PREFIX) && this.#replies !== undefined)
      return this.#replies.readmit(bytes, item.original, signal);
    if (item.sourceId.startsWith(MAIL_SOURCE) && this.#mails !== undefined) {
      if (await this.#mails.readmit(bytes, item.original)) return;
      throw new GatewayError("INPUT_INVALID", "the mail still says nothing about a letter of ours");
    }
    throw new GatewayError("NOT_ALLOWED", "this input cannot be taken again");
  }

  async #purge(): Promise<void> {
    const now = new Date();
    await this.#inlet?.generations.purge(now);
    await this.#inlet?.shelf.purge(now);
    const before = new Date(now.getTime() - WINDOW_MS);
    await purgeRecords(this.#context.records, REFUSED_PREFIX, before);
  }

  #needSender(): Sender {
    if (this.#sender !== undefined) return this.#sender;
    throw new DeliveryError("permanent", "REPLY_NOT_POSSIBLE", "this account has no way to ZBP");
  }
  #needInlet(): InletParts {
    if (this.#inlet !== undefined) return this.#inlet;
    throw new DeliveryError("permanent", "REPLY_NOT_POSSIBLE", "this account has no inlet");
  }
}

type Way = "forward" | "answer" | "state" | "letter";

/** forward: came in by the inlet and goes on to ZBP. answer: to a legacy authority. state, letter: to ZBP. */
function wayOf({ extra = {}, to }: Message): Way {
  if (extra[EXTRA.way] === "inlet") return "forward";
  if (signerOf(to[0]?.address ?? "") !== undefined) return "answer";
  return extra[EXTRA.kind] === "application-state" ? "state" : "letter";
}
