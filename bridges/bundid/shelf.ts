import { z } from "zod";
import type { BridgeContext, Delivery } from "../../src/bridge/contract.ts";
import { digestOf, newId } from "../../src/model/id.ts";
import { blobRefSchema } from "../../src/model/message.ts";
import type { Receipt } from "../../src/model/receipt.ts";
import { purgeRecords } from "./purge.ts";

/**
 * Answers of citizens wait here, durably, until the legacy system fetches them and says what became of them
 * (bundid-fink.md §7.3): NEW → COLLECTED → ACCEPTED | REJECTED | ERROR. Records only; the text stays with the letter.
 */
export type ShelfStatus = "new" | "collected" | "accepted" | "rejected" | "error";

const itemSchema = z.object({
  id: z.string(),
  /** Ours: the answer itself. */
  messageId: z.string(),
  at: z.coerce.date(),
  status: z.enum(["new", "collected", "accepted", "rejected", "error"]),
  routing: z.string().optional(),
  reference: z.string().optional(),
  mailbox: z.string(),
  title: z.string(),
  files: z.array(
    z.object({
      name: z.string(),
      mediaType: z.string(),
      digest: z.string(),
      length: z.number(),
      blob: blobRefSchema,
    }),
  ),
});
export type ShelfItem = z.output<typeof itemSchema>;
export type NewItem = Omit<ShelfItem, "id" | "at" | "status">;

export interface Shelf {
  /** Idempotent on `deliveryId`. */
  put(signer: string, deliveryId: string, item: NewItem): Promise<Delivery>;
  has(deliveryId: string): Promise<Delivery | "absent">;
  /** What was not collected yet, oldest first. */
  list(signer: string, limit: number): Promise<readonly ShelfItem[]>;
  get(signer: string, id: string): Promise<ShelfItem | undefined>;
  setStatus(
    signer: string,
    id: string,
    status: ShelfStatus,
    problem: string | undefined,
  ): Promise<"set" | "unknown" | "illegal">;
  /** Forgets what was settled long ago. */
  purge(now: Date): Promise<void>;
}

const FOLLOWING: Readonly<Record<ShelfStatus, readonly ShelfStatus[]>> = {
  new: ["collected"],
  collected: ["accepted", "rejected", "error"],
  accepted: [],
  rejected: [],
  error: [],
};
/** Not collected yet, and everything later: two ranges, so that a poll does not walk over what is done. */
const NEW = "shelf:new:";
const KEPT = "shelf:kept:";
const INDEX = "shelved:";
const KEEP_MS = 30 * 86_400_000;

type Context = Pick<BridgeContext<unknown>, "records" | "report">;
const indexSchema = z.object({ id: z.string(), at: z.coerce.date(), signer: z.string() });
type IndexEntry = z.output<typeof indexSchema>;

export function createShelf(context: Context): Shelf {
  const { records } = context;
  const read = async (key: string) => {
    const value = await records.get(key);
    return value === undefined ? undefined : itemSchema.parse(JSON.parse(value));
  };
  const get = async (signer: string, id: string) =>
    (await read(keyOf(KEPT, signer, id))) ?? (await read(keyOf(NEW, signer, id)));
  return {
    get,
    async put(signer, deliveryId, item) {
      const index = await claimIndex(context, signer, deliveryId);
      if ((await get(signer, index.id)) === undefined) {
        const { id, at } = index;
        await write(context, keyOf(NEW, signer, id), { ...item, id, at, status: "new" });
      }
      return deliveryOf(index);
    },
    async has(deliveryId) {
      const value = await records.get(INDEX + deliveryId);
      if (value === undefined) return "absent";
      const index = indexSchema.parse(JSON.parse(value));
      // An index without its item: the attempt was cut between the two.
      return (await get(index.signer, index.id)) === undefined ? "absent" : deliveryOf(index);
    },
    list: (signer, limit) => listNew(context, signer, limit),
    async setStatus(signer, id, status, problem) {
      const item = await get(signer, id);
      if (item === undefined) return "unknown";
      if (item.status !== status && !FOLLOWING[item.status].includes(status)) return "illegal";
      // Reported first: if a write behind it fails, the sender comes again, and a report may be repeated.
      const receipt = receiptOf(status, problem);
      if (receipt !== undefined)
        await context.report({ target: { id: item.messageId }, ...receipt });
      await write(context, keyOf(KEPT, signer, id), { ...item, status });
      await records.remove(keyOf(NEW, signer, id));
      return "set";
    },
    async purge(now) {
      const before = new Date(now.getTime() - KEEP_MS);
      const unsettled = (value: unknown) => itemSchema.parse(value).status === "collected";
      await purgeRecords(records, KEPT, before, unsettled);
      await purgeRecords(records, INDEX, before);
    },
  };
}

async function listNew(
  { records }: Context,
  signer: string,
  limit: number,
): Promise<readonly ShelfItem[]> {
  const items: ShelfItem[] = [];
  for (const { key, value } of await records.list(keyOf(NEW, signer, ""), { limit })) {
    const item = itemSchema.parse(JSON.parse(value));
    if ((await records.get(keyOf(KEPT, signer, item.id))) === undefined) items.push(item);
    // Its status was set, and the move between the ranges was cut.
    else await records.remove(key);
  }
  return items;
}

function write({ records }: Context, key: string, item: ShelfItem): Promise<void> {
  return records.put(key, JSON.stringify(item));
}

/** First the name, then the item: a repeated delivery finds the name and can never make a second item. */
async function claimIndex(
  { records }: Context,
  signer: string,
  deliveryId: string,
): Promise<IndexEntry> {
  const known = await records.get(INDEX + deliveryId);
  if (known !== undefined) return indexSchema.parse(JSON.parse(known));
  const at = nextMoment();
  const entry = { id: newId(at), at: new Date(at), signer };
  await records.put(INDEX + deliveryId, JSON.stringify(entry));
  return entry;
}

let lastMoment = 0;
/** Strictly growing, so that ids sort in the order of delivery. */
function nextMoment(): number {
  lastMoment = Math.max(lastMoment + 1, Date.now());
  return lastMoment;
}

function keyOf(range: string, signer: string, id: string): string {
  return `${range}${digestOf(signer).slice(0, 24)}:${id}`;
}

function deliveryOf({ id, at }: IndexEntry): Delivery {
  const detail = "waits to be collected by the legacy system";
  return { remoteId: id, receipt: { kind: "relayed", at, detail } };
}

function receiptOf(status: ShelfStatus, problem: string | undefined): Receipt | undefined {
  const at = new Date();
  if (status === "collected") return { kind: "delivered", at };
  if (status === "accepted") return { kind: "reply-accepted", at };
  if (status === "new") return undefined;
  const said = problem === undefined ? "" : ` Begründung: ${problem}`;
  return {
    kind: "reply-rejected",
    at,
    detail: status,
    notice: `Die Behörde hat die Antwort nicht angenommen.${said}`,
  };
}
