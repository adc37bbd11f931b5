import { describeError, DeliveryError, ERRORS } from "../../../src/model/errors.ts";
import type { ErrorCode } from "../../../src/model/errors.ts";
import type { AccessPoint } from "./access-point.ts";
import { stageOf } from "./codes.ts";
import type { As4Parts } from "./contract.ts";
import type { Identity } from "./identity.ts";
import { PAGE } from "./ledger.ts";
import type { DebtRecord, Ledger } from "./ledger.ts";
import { AccessPointFault, refusalOf } from "./outcome.ts";
import { submit } from "./submission.ts";

/** Pays the acknowledgements we owe. Their ids never change, so paying twice is seen by the access point. */
export class Debts {
  readonly #parts: As4Parts;
  readonly #accessPoint: AccessPoint;
  readonly #ledger: Ledger;
  readonly #identity: Identity;
  readonly #now: () => Date;
  #after = "";

  constructor(parts: As4Parts, accessPoint: AccessPoint, ledger: Ledger, identity: Identity) {
    this.#parts = parts;
    this.#accessPoint = accessPoint;
    this.#ledger = ledger;
    this.#identity = identity;
    this.#now = parts.now ?? (() => new Date());
  }

  async round(signal: AbortSignal): Promise<void> {
    for (const [key, known] of await this.#duePage()) {
      signal.throwIfAborted();
      const { messageId } = known;
      const debt = await this.#decide(key, known);
      if (debt === undefined) continue;
      try {
        await this.#pay(debt, signal);
        await this.#ledger.debts.remove(key);
      } catch (error) {
        const fields = { messageId, error: describeError(error) };
        if (!this.#isHopeless(debt, error)) {
          this.#parts.context.log.warn(fields, "as4-acknowledgement-waits");
          continue;
        }
        this.#parts.context.log.error(fields, "as4-acknowledgement-impossible");
        await this.#ledger.debts.remove(key);
      }
    }
  }

  /** One page a round, in turns: letters that are held for long must not keep the others from their receipts. */
  async #duePage() {
    const page = await this.#ledger.debts.page(this.#after);
    this.#after = page.length < PAGE ? "" : (page.at(-1)?.[0] ?? "");
    return page;
  }

  /** undefined: the letter is still held, nobody has decided. */
  async #decide(key: string, debt: DebtRecord): Promise<DebtRecord | undefined> {
    const { letter, ...plain } = debt;
    if (letter === undefined) return debt;
    const known = await this.#parts.context.recall(letter);
    if (known?.state === "held") return undefined;
    const refused = known?.state === "rejected";
    const verdict = refused ? { accepted: false, code: known.code ?? "RECIPIENT_UNLINKED" } : {};
    // Counts from the decision on: what was held for weeks is not given up at the first fault.
    const decided = { ...plain, ...verdict, at: this.#now().getTime() };
    await this.#ledger.debts.put(key, decided);
    return decided;
  }

  async #pay(debt: DebtRecord, signal: AbortSignal): Promise<void> {
    const { messageId, entityId, mailboxes, conversationId, accepted, code } = debt;
    const own = this.#identity.acknowledgementId(messageId);
    const at = this.#now();
    await this.#ledger.out.put(own, { id: "", entityId, at: debt.at, stage: "submitting" });
    const document = this.#parts.codec.writeAcknowledgement({
      accepted,
      ...(isErrorCode(code) ? { code } : {}),
    });
    const action = this.#parts.profile.exchange.actions.acknowledgement;
    const submission = {
      ...{ messageId: own, refToMessageId: messageId, conversationId, action, entityId, mailboxes },
      ...{ document, attachments: [] },
    };
    try {
      await submit(this.#parts, this.#accessPoint, submission, at, signal);
    } catch (error) {
      if (!(error instanceof AccessPointFault)) throw error;
      const { status } = await this.#accessPoint.status(own, signal);
      if (["absent", "unclear"].includes(stageOf(status))) throw refusalOf(error);
    }
    await this.#ledger.watch(own);
  }

  #isHopeless({ at }: DebtRecord, error: unknown): boolean {
    const permanent = error instanceof DeliveryError && error.fault === "permanent";
    return permanent || this.#now().getTime() - at > this.#parts.settings.watch;
  }
}

function isErrorCode(code: string | undefined): code is ErrorCode {
  return code !== undefined && Object.hasOwn(ERRORS, code);
}
