import { Readable } from "node:stream";
import { describeError } from "../../../src/model/errors.ts";
import type { ReceiptKind } from "../../../src/model/receipt.ts";
import type { AccessPoint } from "./access-point.ts";
import { stageOf } from "./codes.ts";
import type { Stage } from "./codes.ts";
import type { As4Parts } from "./contract.ts";
import type { Ledger, OutgoingRecord } from "./ledger.ts";
import { failureOf } from "./outcome.ts";
import { keepEvidence } from "./receipt.ts";
import { receiptKind } from "./sender.ts";

/** Letters looked after in one round. */
const MAX_PER_ROUND = 200;

/** Looks after what is under way: states become receipts of the letter, with evidence. Each change is told once. */
export class Watch {
  readonly #parts: As4Parts;
  readonly #accessPoint: AccessPoint;
  readonly #ledger: Ledger;
  readonly #now: () => Date;
  /** Where the next round goes on; after a restart it begins anew. */
  #after = "";
  #purgeAfter = "";

  constructor(parts: As4Parts, accessPoint: AccessPoint, ledger: Ledger) {
    this.#parts = parts;
    this.#accessPoint = accessPoint;
    this.#ledger = ledger;
    this.#now = parts.now ?? (() => new Date());
  }

  async round(signal: AbortSignal): Promise<void> {
    const { settings, context } = this.#parts;
    const open = await this.#ledger.open();
    const rest = open.filter((id) => id > this.#after);
    const turn = (rest.length === 0 ? open : rest).slice(0, MAX_PER_ROUND);
    this.#after = turn.at(-1) ?? "";
    for (const messageId of turn) {
      signal.throwIfAborted();
      try {
        await this.#look(messageId, signal);
      } catch (error) {
        // One letter whose state cannot be read must not hide the fate of the others.
        context.log.warn({ messageId, error: describeError(error) }, "as4-state-unread");
      }
    }
    const before = this.#now().getTime() - settings.keep;
    this.#purgeAfter = await this.#ledger.purge(before, this.#purgeAfter);
  }

  async #look(messageId: string, signal: AbortSignal): Promise<void> {
    const record = await this.#ledger.out.get(messageId);
    if (record === undefined) return this.#ledger.unwatch(messageId);
    const { status, raw } = await this.#accessPoint.status(messageId, signal);
    const stage = stageOf(status);
    if (stage === "acknowledged") await this.#acknowledge(messageId, record, raw, signal);
    else if (stage === "failed") await this.#fail(messageId, record, signal);
    else if (stage === "retrying" || stage === "under-way")
      await this.#advance(messageId, record, stage);
    await this.#giveUp(messageId, record, stage);
  }

  async #acknowledge(messageId: string, record: OutgoingRecord, raw: Buffer, signal: AbortSignal) {
    const { context } = this.#parts;
    const found = await keepEvidence(context, this.#accessPoint, messageId, raw, signal);
    const { evidence, detail, at = this.#now() } = found;
    await this.#tell(record, {
      kind: receiptKind("acknowledged", this.#parts),
      at,
      evidence,
      detail,
    });
    await this.#ledger.out.put(messageId, { ...record, stage: "acknowledged" });
    await this.#ledger.unwatch(messageId);
  }

  async #fail(messageId: string, record: OutgoingRecord, signal: AbortSignal): Promise<void> {
    // Still watched: the operator of the access point can restore it there, and then it arrives after all.
    if (record.stage === "failed") return;
    const { context } = this.#parts;
    const { entries, raw } = await this.#accessPoint.errors(messageId, signal);
    const { message: detail, notice, fault } = failureOf(entries);
    const kind = fault === "permanent" ? "not-delivered" : "in-doubt";
    const evidence = await context.store("as4-errors", Readable.from([raw]));
    context.log.error({ messageId, id: record.id, detail }, "as4-message-failed");
    await this.#tell(record, { kind, at: this.#now(), evidence, detail, notice });
    await this.#ledger.out.put(messageId, { ...record, stage: "failed" });
  }

  async #advance(messageId: string, record: OutgoingRecord, stage: "retrying" | "under-way") {
    if (record.stage === stage || record.stage === "retrying") return;
    if (stage === "retrying") await this.#tell(record, { kind: "delayed", at: this.#now() });
    await this.#ledger.out.put(messageId, { ...record, stage });
  }

  async #giveUp(messageId: string, record: OutgoingRecord, stage: Stage): Promise<void> {
    if (stage === "acknowledged") return;
    if (this.#now().getTime() - record.at < this.#parts.settings.watch) return;
    this.#parts.context.log.error({ messageId, id: record.id, stage }, "as4-fate-unknown");
    await this.#ledger.unwatch(messageId);
  }

  /** An acknowledgement of ours has no letter behind it. */
  async #tell(record: OutgoingRecord, receipt: ReportedStage): Promise<void> {
    if (record.id === "") return;
    await this.#parts.context.report({ target: { id: record.id }, ...receipt });
  }
}

interface ReportedStage {
  readonly kind: ReceiptKind;
  readonly at: Date;
  readonly evidence?: Awaited<ReturnType<As4Parts["context"]["store"]>>;
  readonly detail?: string;
  readonly notice?: string;
}
