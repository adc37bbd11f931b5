import type { Phase } from "../../bridge/contract.ts";
import type { Side } from "../../model/message.ts";
import type { Acceptance, AcceptResult, Store } from "../store.ts";
import { type StoreCore } from "./core.ts";
import { keepConversation } from "./conversations.ts";
import type { Transaction } from "./database.ts";
import { markDue } from "./lane-rows.ts";
import { bodyPlace, decisionOf, detailPlace } from "./letter-rows.ts";
import { keepInQuarantine } from "./quarantine-rows.ts";
import { recordReceipt } from "./receipts.ts";
import { given, sideOf, textOf } from "./rows.ts";
import { type LetterTransaction, writeLetters } from "./tallies.ts";
import { readLastDecision } from "./transition.ts";

export function acceptMethods(core: StoreCore): Pick<Store, "accept"> {
  return {
    accept: (items, at) => writeLetters(core, (tx) => acceptAll(core, tx, items, at)),
  };
}

/** A letter that is stored under the same (account, sourceId), maybe by an earlier item of the same call. */
interface Known {
  readonly id: string;
  readonly digest: string;
  readonly lane: string;
  readonly destination: Side;
  readonly phase?: Phase;
}

/** Lanes first, then conversations in one order, then letters: two calls at once never wait for each other in a circle. */
async function acceptAll(
  core: StoreCore,
  tx: LetterTransaction,
  items: readonly Acceptance[],
  at: Date,
): Promise<readonly AcceptResult[]> {
  await tx.lockLanes(items.flatMap((item) => [item.lane, item.originLane]));
  const known = new Map<string, Known>();
  const fresh = new Set<Acceptance>();
  for (const item of items) {
    const key = keyOf(item);
    if (known.has(key)) continue;
    const stored = await findStored(tx, item);
    if (!stored && isLate(item, items, known)) {
      known.set(key, { ...newOf(item), ...firstOf(item, items, known) });
      continue;
    }
    if (!stored) fresh.add(item);
    known.set(key, stored ?? newOf(item));
  }
  if (await isBoundOtherwise(tx, fresh))
    return items.map((item) => ({ ...newOf(item), outcome: "redecide" }));
  await keepConversations(core, tx, fresh, at);
  const results: AcceptResult[] = [];
  for (const item of items) {
    const { digest, ...place } = known.get(keyOf(item)) ?? failUnknown();
    if (fresh.has(item)) {
      await insertLetter(core, tx, item, at);
      results.push({ outcome: "stored", ...place });
    } else if (digest === item.digest) {
      results.push({ outcome: "duplicate", ...place });
    } else {
      // A copy carries the content of its letter: the conflict is kept once, with that one.
      if (item.decision?.copyOf === undefined) await keepConflict(core, tx, item, at);
      results.push({ outcome: "conflict", ...place });
    }
  }
  return results;
}

async function findStored(tx: Transaction, item: Acceptance): Promise<Known | undefined> {
  const { account, sourceId } = item.message;
  const row = await tx.get(
    `SELECT id, digest, lane, destination, phase, rule, copy_of FROM messages
     WHERE account = ? AND source_id = ?`,
    [account, sourceId],
  );
  if (!row) return undefined;
  return {
    id: textOf(row, "id"),
    digest: textOf(row, "digest"),
    lane: textOf(row, "lane"),
    destination: sideOf(row, "destination"),
    ...given({ phase: decisionOf(row).phase }),
  };
}

function newOf({ message, digest, lane, destination, decision }: Acceptance): Known {
  const { id } = message;
  return { id, digest, lane, destination, ...given({ phase: decision?.phase }) };
}

/** A copy whose letter is known already: it was decided the first time whether there is one. */
function isLate(
  item: Acceptance,
  items: readonly Acceptance[],
  known: ReadonlyMap<string, Known>,
): boolean {
  const first = firstOf(item, items, known);
  return first !== undefined && first.id !== item.decision?.copyOf;
}

function firstOf(
  { decision }: Acceptance,
  items: readonly Acceptance[],
  known: ReadonlyMap<string, Known>,
): Known | undefined {
  const first = items.find(({ message }) => message.id === decision?.copyOf);
  return first && known.get(keyOf(first));
}

/** Under the locks of the lanes: did another letter of the conversation come first, and was it decided otherwise? */
async function isBoundOtherwise(tx: Transaction, fresh: ReadonlySet<Acceptance>): Promise<boolean> {
  for (const { conversation, decision } of fresh) {
    if (!decision?.binding) continue;
    const { phase, ...binding } = decision.binding;
    const last = await readLastDecision(tx, conversation.id, binding);
    if (last?.phase !== phase) return true;
  }
  return false;
}

/** The last letter of a conversation in this call says how it looks; one from Matrix cannot change what is known. */
async function keepConversations(
  core: StoreCore,
  tx: Transaction,
  fresh: ReadonlySet<Acceptance>,
  at: Date,
): Promise<void> {
  const ordered = [...fresh].sort((a, b) =>
    a.conversation.id < b.conversation.id ? -1 : a.conversation.id > b.conversation.id ? 1 : 0,
  );
  for (const item of ordered)
    await keepConversation(core, tx, item.conversation, { update: item.origin === "legacy", at });
}

async function insertLetter(
  core: StoreCore,
  tx: LetterTransaction,
  item: Acceptance,
  at: Date,
): Promise<void> {
  const { message, hold, refuse } = item;
  const { id, account, sourceId } = message;
  const reason = refuse ?? hold;
  const state = refuse ? "rejected" : hold ? "held" : "pending";
  await tx.run(INSERT_LETTER, [
    id,
    account,
    sourceId,
    item.origin,
    item.destination,
    item.conversation.id,
    item.lane,
    item.originLane,
    item.digest,
    state,
    reason?.code ?? null,
    core.seals.sealOptional(reason?.detail, detailPlace(id)),
    item.onUnknown,
    state === "pending" ? at.getTime() : null,
    at.getTime(),
    state === "rejected" ? at.getTime() : null,
    core.seals.seal(JSON.stringify(message), bodyPlace(id)),
    item.decision?.phase ?? null,
    item.decision?.rule ?? null,
    item.decision?.copyOf ?? null,
  ]);
  tx.count({ account, origin: item.origin }, state, 1);
  if (state === "pending") await markDue(tx, item.lane, at);
  if (state === "held" && hold)
    await keepInQuarantine(core, tx, { ...quarantineBase(item), ...hold, messageId: id }, at);
  for (const receipt of item.receipts ?? [])
    await recordReceipt(core, tx, { id, originLane: item.originLane }, receipt, at);
}

const INSERT_LETTER = `INSERT INTO messages (id, account, source_id, origin, destination, conversation_id,
    lane, origin_lane, digest, state, code, detail, on_unknown, next_at, accepted_at, settled_at, body,
    phase, rule, copy_of)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** The first letter stays; what came second waits for a human, once per content. */
async function keepConflict(
  core: StoreCore,
  tx: Transaction,
  item: Acceptance,
  at: Date,
): Promise<void> {
  const detail = `content digest ${item.digest}`;
  const conflict = { ...quarantineBase(item), code: "SAME_ID_OTHER_CONTENT", detail } as const;
  await keepInQuarantine(
    core,
    tx,
    conflict,
    at,
    `conflict/${item.message.sourceId}/${item.digest}`,
  );
}

function quarantineBase({ message, origin }: Acceptance) {
  const { account, sourceId, original } = message;
  return { account, side: origin, sourceId, ...(original ? { original } : {}) };
}

function keyOf({ message }: Acceptance): string {
  return JSON.stringify([message.account, message.sourceId]);
}

function failUnknown(): never {
  throw new Error("an item of accept was not looked up");
}
