import type {
  Bridge,
  BridgeContext,
  Delivery,
  Health,
  History,
  QuarantinedInput,
  Refusal,
} from "../../src/bridge/contract.ts";
import { describeError } from "../../src/model/errors.ts";
import type { IncomingMessage, Message, Party } from "../../src/model/message.ts";
import { createCardPoll } from "./card-poll.ts";
import { createHistory } from "./history.ts";
import { readmitDelivery } from "./intake.ts";
import { createMailbox } from "./mailbox.ts";
import type { Parts } from "./parts.ts";
import { purge } from "./purge.ts";
import { deliverLetter, findLetter } from "./send.ts";
import type { Settings } from "./settings.ts";
import { createParts } from "./setup.ts";
import { certificatesOf } from "./verify.ts";

const PURGE_EVERY_MS = 12 * 3_600_000;

/** One EGVP mailbox: fetches from its own intermediary, stores at those of the addressees. */
export class OsciBridge implements Bridge {
  readonly #context: BridgeContext<Settings>;
  readonly #parts: Parts;
  #started = false;

  /** @throws GatewayError for keys, certificates or an address book that cannot be used */
  constructor(context: BridgeContext<Settings>, changes: Partial<Parts> = {}) {
    this.#context = context;
    this.#parts = { ...createParts(context), ...changes };
  }

  start(): Promise<void> {
    // Once: what the gateway repeats for us it stops by itself, and a second start must not double it.
    if (!this.#started) this.#giveTasks();
    this.#started = true;
    return Promise.resolve();
  }

  #giveTasks(): void {
    const { config, records } = this.#context;
    const mailbox = createMailbox(this.#parts);
    const cards = createCardPoll(this.#parts);
    this.#context.every(config.pollEvery, (signal) => mailbox.collect(signal));
    if (this.#parts.book !== undefined)
      this.#context.every(config.cardsEvery, (signal) => cards.run(signal));
    this.#context.every(PURGE_EVERY_MS, () => purge(records, this.#parts.now()));
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  deliver(message: Message, deliveryId: string, signal: AbortSignal): Promise<Delivery> {
    return deliverLetter(this.#parts, message, deliveryId, signal);
  }

  find(
    _message: Message,
    deliveryId: string,
    signal: AbortSignal,
  ): Promise<Delivery | "absent" | undefined> {
    return findLetter(this.#parts, deliveryId, signal);
  }

  async review(letter: IncomingMessage): Promise<Refusal | undefined> {
    const { book, context, reviewEgvp } = this.#parts;
    const [to, second] = letter.to;
    if (to === undefined || second !== undefined || book?.find(to.address) === undefined)
      return {
        code: "RECIPIENT_UNKNOWN",
        detail: "the address book does not name exactly one addressee of this letter",
        notice:
          "Das Empfängerpostfach ist nicht im Adressbuch verzeichnet; das Schreiben kann nicht übermittelt werden.",
      };
    const { inReplyTo } = letter;
    const answered = inReplyTo === undefined ? undefined : await context.recall(inReplyTo);
    return reviewEgvp(letter, context.config.policy, answered?.message);
  }

  resolve(query: string): Promise<readonly Party[]> {
    const found = this.#parts.book?.search(query) ?? [];
    return Promise.resolve(
      found.map(({ safeId: address, name, role }) => ({
        address,
        name,
        ...(role === undefined ? {} : { role }),
      })),
    );
  }

  async ping(signal: AbortSignal): Promise<Health> {
    const certificates = certificatesOf(this.#context.config);
    try {
      await this.#parts.dialogs.with(this.#parts.home, signal, () => Promise.resolve());
      return { ok: true, detail: "a dialog was opened and closed", certificates };
    } catch (error) {
      return { ok: false, detail: describeError(error), certificates };
    }
  }

  history(): History {
    return createHistory(this.#parts);
  }

  readmit(item: QuarantinedInput, signal: AbortSignal): Promise<void> {
    return readmitDelivery(this.#parts, item, signal);
  }
}
