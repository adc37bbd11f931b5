import { z } from "zod";
import { GatewayError } from "../../../src/model/errors.ts";
import type { As4Context } from "./contract.ts";
import { shortKey } from "./identity.ts";

/** What this transport must remember over a restart. Small durable records; keys begin with `as4/`. */

const outgoing = z.strictObject({
  /** Our id of the letter; empty for an acknowledgement of ours. */
  id: z.string(),
  entityId: z.string(),
  /** First attempt, milliseconds. */
  at: z.number(),
  /** Highest stage that was reported. */
  stage: z.enum(["submitting", "under-way", "retrying", "acknowledged", "failed"]),
});
export type OutgoingRecord = z.output<typeof outgoing>;

const thread = z.strictObject({
  conversation: z.string(),
  conversationId: z.string(),
  entityId: z.string(),
  /** MessageId of the letter that was submitted last. */
  last: z.string().optional(),
});
export type ThreadRecord = z.output<typeof thread>;

const debt = z.strictObject({
  messageId: z.string(),
  entityId: z.string(),
  mailboxes: z.strictObject({ from: z.string(), to: z.string() }),
  conversationId: z.string(),
  accepted: z.boolean(),
  code: z.string().optional(),
  at: z.number(),
  /** A letter that is held: what is acknowledged depends on what becomes of it. */
  letter: z.string().optional(),
});
/** An acknowledgement we owe. */
export type DebtRecord = z.output<typeof debt>;

const incoming = z.strictObject({ state: z.enum(["kept", "trying"]), tries: z.int() });
export type IncomingRecord = z.output<typeof incoming>;

export const PAGE = 500;
/** Keys that one round looks at, at most. */
const MAX_LISTED = 20_000;

export class Ledger {
  readonly out: Table<OutgoingRecord>;
  readonly debts: Table<DebtRecord>;
  readonly arrived: Table<IncomingRecord>;
  readonly #threads: Table<ThreadRecord>;
  readonly #names: Table<{ readonly thread: string }>;
  readonly #open: Table<Record<string, never>>;

  constructor(records: As4Context["records"]) {
    this.out = new Table(records, "as4/out/", outgoing);
    this.debts = new Table(records, "as4/debt/", debt);
    this.arrived = new Table(records, "as4/in/", incoming);
    this.#threads = new Table(records, "as4/thread/", thread);
    this.#names = new Table(records, "as4/name/", z.strictObject({ thread: z.string() }));
    this.#open = new Table(records, "as4/open/", z.strictObject({}));
  }

  async threadOf(conversation: string): Promise<ThreadRecord | undefined> {
    return this.#threads.get(shortKey(conversation));
  }
  /** The thread of that ConversationId with that entity; another entity cannot write into it. */
  async threadNamed(entityId: string, conversationId: string): Promise<ThreadRecord | undefined> {
    const name = await this.#names.get(shortKey(entityId, conversationId));
    return name === undefined ? undefined : this.#threads.get(name.thread);
  }
  async putThread(record: ThreadRecord): Promise<void> {
    const key = shortKey(record.conversation);
    await this.#threads.put(key, record);
    await this.#names.put(shortKey(record.entityId, record.conversationId), { thread: key });
  }

  /** Letters whose fate is looked up. */
  async open(): Promise<readonly string[]> {
    return this.#open.keys();
  }
  async watch(messageId: string): Promise<void> {
    await this.#open.put(messageId, {});
  }
  async unwatch(messageId: string): Promise<void> {
    await this.#open.remove(messageId);
  }

  /** Forgets one page of letters that are older than `before`; goes on behind `after`. */
  async purge(before: number, after: string): Promise<string> {
    const page = await this.out.page(after);
    for (const [messageId, { at }] of page)
      if (at < before) {
        await this.out.remove(messageId);
        await this.#open.remove(messageId);
      }
    return page.length < PAGE ? "" : (page.at(-1)?.[0] ?? "");
  }
}

class Table<T> {
  readonly #records: As4Context["records"];
  readonly #prefix: string;
  readonly #schema: z.ZodType<T>;

  constructor(records: As4Context["records"], prefix: string, schema: z.ZodType<T>) {
    this.#records = records;
    this.#prefix = prefix;
    this.#schema = schema;
  }
  async get(key: string): Promise<T | undefined> {
    const text = await this.#records.get(this.#prefix + key);
    return text === undefined ? undefined : this.#parse(key, text);
  }
  async put(key: string, value: T): Promise<void> {
    await this.#records.put(this.#prefix + key, JSON.stringify(value));
  }
  async remove(key: string): Promise<void> {
    await this.#records.remove(this.#prefix + key);
  }
  async page(after: string): Promise<readonly (readonly [string, T])[]> {
    const from = after === "" ? {} : { after: this.#prefix + after };
    const rows = await this.#records.list(this.#prefix, { ...from, limit: PAGE });
    return rows.map(({ key, value }) => {
      const name = key.slice(this.#prefix.length);
      return [name, this.#parse(name, value)] as const;
    });
  }
  async keys(): Promise<readonly string[]> {
    const found: string[] = [];
    for (let after = ""; found.length < MAX_LISTED;) {
      const page = await this.page(after);
      found.push(...page.map(([key]) => key));
      after = page.at(-1)?.[0] ?? "";
      if (page.length < PAGE) break;
    }
    return found;
  }
  #parse(key: string, text: string): T {
    const result = this.#schema.safeParse(JSON.parse(text));
    if (result.success) return result.data;
    throw new GatewayError("INTERNAL", `record ${this.#prefix}${key} is not readable`);
  }
}
