import { Readable } from "node:stream";
import type { BridgeContext } from "../../src/bridge/contract.ts";
import { DeliveryError, describeError, GatewayError } from "../../src/model/errors.ts";
import type { BlobRef } from "../../src/model/message.ts";
import { readBlob } from "./files.ts";
import { seenKey } from "./find.ts";
import { jsonOf } from "./outcome.ts";
import { fetchFiles, judgeReply, messageOfReply } from "./reply-intake.ts";
import { replyIdOf } from "./reply-item.ts";
import { inOrder, isOver, nextOrder, parseRecord, REPLY_PREFIX, replyKey } from "./reply-record.ts";
import type { ReplyRecord } from "./reply-record.ts";
import type { Sender } from "./sender.ts";
import type { Settings } from "./settings.ts";
import { memberOf } from "./value-path.ts";

/**
 * Replies out of ZBP (bundid-fink.md §1.9, §7.4). Every step is written down before the next one, so that a reply can
 * be taken up again after a restart at whatever point it stood:
 *
 * fetched (bytes here) → COLLECTED → collected → accept → accepted → delivered in Matrix → ACCEPTED | REJECTED → gone
 * bad (not ours, unreadable) → quarantine → COLLECTED → ERROR → gone
 */
export interface Replies {
  /** One round: first what is unfinished, then what is new. */
  poll(signal: AbortSignal): Promise<void>;
  /** A reply's letter reached a final state: tell ZBP now instead of at the next round. */
  settle(replyId: string, signal: AbortSignal): Promise<void>;
  /** An operator released a reply from quarantine. @throws GatewayError ROUTING_INVALID, INPUT_INVALID */
  readmit(bytes: Buffer, original: BlobRef, signal: AbortSignal): Promise<void>;
}

/** Pages of one round; what is left waits for the next. */
const MAX_PAGES = 50;
/** Replies without a final status that one round looks at. */
const MAX_UNFINISHED = 50_000;
const PAGE = 1_000;
const MAX_RAW_BYTES = 16_000_000;

type Context = Pick<
  BridgeContext<Settings>,
  "accept" | "store" | "open" | "recall" | "quarantine" | "records" | "report" | "log" | "account"
>;

export function createReplies(context: Context, sender: Sender): Replies {
  const run = new ReplyRun(context, sender);
  return {
    async poll(signal) {
      const waiting = new Set<string>();
      await run.redrive(signal, waiting);
      for (let page = 0; page < MAX_PAGES && !signal.aborted; page += 1)
        if (!(await run.takeNew(signal, waiting))) return;
    },
    async settle(replyId, signal) {
      const record = await run.load(replyKey(replyId));
      if (record?.step === "accepted") await run.advance(record, signal);
    },
    readmit: (bytes, original, signal) => run.readmit(bytes, original, signal),
  };
}

class ReplyRun {
  readonly #context: Context;
  readonly #sender: Sender;
  #pageSize: number;
  constructor(context: Context, sender: Sender) {
    this.#context = context;
    this.#sender = sender;
    this.#pageSize = sender.profile.replies.list.limit;
  }

  /** Goes on with every reply that has no final status. `waiting` collects cases in which a reply could not go on. */
  async redrive(signal: AbortSignal, waiting: Set<string>): Promise<void> {
    const { records } = this.#context;
    const unfinished: ReplyRecord[] = [];
    for (let after = ""; unfinished.length < MAX_UNFINISHED;) {
      const page = await records.list(REPLY_PREFIX, { after, limit: PAGE });
      unfinished.push(...page.map(({ value }) => parseRecord(value)));
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) break;
      after = last.key;
    }
    for (const record of inOrder(unfinished)) {
      if (signal.aborted) return;
      if (waiting.has(record.lane)) continue;
      if (!(await this.#tryAdvance(record, signal))) waiting.add(record.lane);
    }
  }

  /** One page of new replies. true: there may be more. */
  async takeNew(signal: AbortSignal, waiting: Set<string>): Promise<boolean> {
    const { profile, transport } = this.#sender;
    const { list } = profile.replies;
    const path = `${list.path}?${list.limitQuery}=${this.#pageSize}`;
    const answer = await transport.call({ method: list.method, path, ok: [200] }, signal);
    if (answer.status === 200 && !answer.complete && this.#pageSize > 1) {
      // Long replies may make a page larger than an answer may be: from now on one at a time.
      this.#pageSize = 1;
      return true;
    }
    const items = memberOf(jsonOf(answer), list.items);
    if (answer.status !== 200 || !answer.complete || !Array.isArray(items))
      throw new GatewayError("REMOTE_ANSWER_INVALID", `replies: answered ${answer.status}`);
    let moved = 0;
    for (const item of items.slice(0, this.#pageSize)) {
      if (signal.aborted) return false;
      if (await this.#take(item, signal, waiting)) moved += 1;
    }
    return moved > 0 && items.length >= this.#pageSize;
  }

  /** true: it is safely here and ZBP knows it. */
  async #take(item: unknown, signal: AbortSignal, waiting: Set<string>): Promise<boolean> {
    const id = replyIdOf(item, this.#sender.profile);
    if (id === undefined) return this.#quarantineNameless(item);
    if ((await this.load(replyKey(id))) !== undefined) return false;
    try {
      const record = await this.#fetch(id, item, signal, waiting);
      if (record === undefined) return false;
      if (await this.#tryAdvance(record, signal)) return true;
      waiting.add(record.lane);
      return false;
    } catch (error) {
      this.#warn(id, error, "reply-not-fetched");
      return false;
    }
  }

  /** Brings raw bytes and files here and writes the record. undefined: an earlier reply of the case has to go first. */
  async #fetch(
    id: string,
    item: unknown,
    signal: AbortSignal,
    waiting: Set<string>,
  ): Promise<ReplyRecord | undefined> {
    const original = await this.#context.store(
      "reply",
      Readable.from([Buffer.from(JSON.stringify(item), "utf8")]),
    );
    const judged = await judgeReply(this.#context, this.#sender, item);
    if ("problem" in judged)
      return this.#save({
        id,
        lane: id,
        step: "bad",
        original,
        files: [],
        problem: judged.problem,
      });
    const { reply, letter } = judged;
    const lane = letter.message.conversation;
    if (waiting.has(lane)) return undefined;
    try {
      const files = await fetchFiles(this.#context, this.#sender, reply, signal);
      if (files === undefined) {
        const problem = {
          code: "INPUT_INVALID",
          detail: "a file is not what was declared",
        } as const;
        return await this.#save({ id, lane, step: "bad", original, files: [], problem });
      }
      return await this.#save({ id, lane, step: "fetched", original, files });
    } catch (error) {
      waiting.add(lane);
      throw error;
    }
  }

  /** Takes every step that is possible now. Throws when ZBP or the gateway cannot be reached. */
  async advance(record: ReplyRecord, signal: AbortSignal): Promise<void> {
    let current: ReplyRecord | undefined = record;
    while (current !== undefined) {
      const next = await this.#step(current, signal);
      if (next === "wait") return;
      if (next === "over") {
        await this.#context.records.remove(replyKey(record.id));
        this.#context.log.info(
          { account: this.#context.account, reply: record.id },
          "reply-settled",
        );
        return;
      }
      current = await this.#save(next);
    }
  }

  async #step(record: ReplyRecord, signal: AbortSignal): Promise<ReplyRecord | "wait" | "over"> {
    const { status } = this.#sender.profile.replies;
    switch (record.step) {
      case "fetched":
        await this.#tell(record, status.collected, signal);
        return { ...record, step: "collected" };
      case "collected":
        return { ...record, step: "accepted", messageId: await this.#accept(record) };
      case "accepted": {
        const state = (await this.#context.recall(record.messageId ?? ""))?.state;
        if (state === undefined || !isOver(state)) return "wait";
        if (state === "delivered") await this.#tell(record, status.accepted, signal);
        else await this.#tell(record, status.rejected, signal, "the reply could not be delivered");
        return "over";
      }
      case "bad": {
        const { problem = { code: "INPUT_INVALID", detail: "" } as const, original } = record;
        await this.#context.quarantine({ sourceId: replyKey(record.id), original, ...problem });
        await this.#tell(record, status.collected, signal);
        await this.#tell(record, status.error, signal, problem.code);
        return "over";
      }
    }
  }

  async #accept(record: ReplyRecord): Promise<string> {
    const bytes = await readBlob(this.#context, record.original, MAX_RAW_BYTES);
    const judged = await judgeReply(
      this.#context,
      this.#sender,
      JSON.parse(bytes.toString("utf8")),
    );
    if ("problem" in judged) throw new GatewayError(judged.problem.code, judged.problem.detail);
    const { reply, letter } = judged;
    if (letter.state === "unknown")
      await this.#context.records.put(seenKey(letter.message.id), new Date().toISOString());
    const message = messageOfReply(reply, letter, record, this.#sender);
    const { id } = await this.#context.accept(message, { answer: true });
    return id;
  }

  /** A status that ZBP has already, or a later one, is as good. */
  async #tell(
    record: ReplyRecord,
    status: string,
    signal: AbortSignal,
    problem?: string,
  ): Promise<void> {
    const { profile, transport } = this.#sender;
    const { method, path, ok, alreadyFinal, statusMember, problemMember } = profile.replies.ack;
    const body = JSON.stringify({
      [statusMember]: status,
      ...(problem === undefined ? {} : { [problemMember]: problem }),
    });
    const target = { method, path: path.replace("{id}", encodeURIComponent(record.id)), ok };
    const answer = await transport.call(target, signal, body);
    if (![...ok, ...alreadyFinal].includes(answer.status))
      throw new GatewayError(
        "REMOTE_ANSWER_INVALID",
        `status ${status} of a reply was answered with ${answer.status}`,
      );
  }

  async #tryAdvance(record: ReplyRecord, signal: AbortSignal): Promise<boolean> {
    try {
      await this.advance(record, signal);
      return true;
    } catch (error) {
      this.#warn(record.id, error, "reply-not-settled");
      return false;
    }
  }

  async #quarantineNameless(item: unknown): Promise<boolean> {
    const bytes = Buffer.from(JSON.stringify(item) ?? "null", "utf8");
    const original = await this.#context.store("reply", Readable.from([bytes]));
    await this.#context.quarantine({
      sourceId: `${REPLY_PREFIX}nameless:${original.digest}`,
      code: "INPUT_INVALID",
      detail: "a reply without a usable id; it cannot be acknowledged",
      original,
    });
    return false;
  }

  async readmit(bytes: Buffer, original: BlobRef, signal: AbortSignal): Promise<void> {
    const item: unknown = JSON.parse(bytes.toString("utf8"));
    const judged = await judgeReply(this.#context, this.#sender, item);
    if ("problem" in judged) throw new GatewayError(judged.problem.code, judged.problem.detail);
    const { reply, letter } = judged;
    const files = await fetchFiles(this.#context, this.#sender, reply, signal);
    if (files === undefined)
      throw new GatewayError("INPUT_INVALID", "a file is not what was declared");
    const lane = letter.message.conversation;
    await this.#accept({ id: reply.id, lane, step: "collected", original, files, order: 0 });
  }

  async load(key: string): Promise<ReplyRecord | undefined> {
    const value = await this.#context.records.get(key);
    return value === undefined ? undefined : parseRecord(value);
  }

  async #save(record: Omit<ReplyRecord, "order"> & { order?: number }): Promise<ReplyRecord> {
    const complete = { ...record, order: record.order ?? nextOrder() };
    await this.#context.records.put(replyKey(record.id), JSON.stringify(complete));
    return complete;
  }

  #warn(reply: string, error: unknown, event: string): void {
    const code = error instanceof DeliveryError || error instanceof GatewayError ? error.code : "";
    const { log, account } = this.#context;
    log.warn({ account, reply, code, error: describeError(error) }, event);
  }
}
