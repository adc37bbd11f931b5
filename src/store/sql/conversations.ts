import { z } from "zod";
import { GatewayError } from "../../model/errors.ts";
import { levelSchema, messageSchema, partySchema } from "../../model/message.ts";
import type { Conversation, ConversationDraft, Store } from "../store.ts";
import { boundedLimit, notFound, type StoreCore } from "./core.ts";
import type { Connection, Row, SqlValue, Transaction } from "./database.ts";
import { bytesOf, given, optionalText, textOf, timeOf } from "./rows.ts";

const COLUMNS = "id, account, conversation_key, room_id, created_at, details";

const detailsSchema = z.object({
  counterpart: partySchema,
  local: partySchema,
  subject: z.string().optional(),
  case: messageSchema.shape.case,
  level: levelSchema,
  replyPolicy: messageSchema.shape.replyPolicy,
});

type ConversationMethods = Pick<
  Store,
  | "conversation"
  | "conversationByRoom"
  | "openConversation"
  | "bindRoom"
  | "rebindRoom"
  | "listConversations"
>;

export function conversationMethods(core: StoreCore): ConversationMethods {
  const { db } = core;
  return {
    conversation: (id) => db.read((connection) => readConversation(core, connection, id)),
    conversationByRoom: (roomId) =>
      db.read(async (connection) => {
        const sql = `SELECT ${COLUMNS} FROM conversations WHERE room_id = ?`;
        const row = await connection.get(sql, [roomId]);
        return row && conversationOf(core, row);
      }),
    openConversation: (draft, at) =>
      db.write(async (tx) => {
        await keepConversation(core, tx, draft, { update: false, at });
        return mustRead(core, tx, draft.id);
      }),
    bindRoom: (conversationId, roomId) =>
      db.write((tx) => bindRoom(core, tx, conversationId, roomId)),
    rebindRoom: (conversationId, from, to) =>
      db.write(async (tx) => {
        await refuseTakenRoom(tx, conversationId, to);
        const sql = "UPDATE conversations SET room_id = ? WHERE id = ? AND room_id = ?";
        return (await tx.run(sql, [to, conversationId, from])) === 1;
      }),
    listConversations: (filter) => listConversations(core, filter),
  };
}

/**
 * Creates the conversation when it is unknown. `update`: brings the details of a known one to those of the draft.
 * An id belongs to one account for ever; anything else would mix up two tenants.
 */
export async function keepConversation(
  core: StoreCore,
  tx: Transaction,
  draft: ConversationDraft,
  options: { update: boolean; at: Date },
): Promise<void> {
  const known = await readConversation(core, tx, draft.id);
  const details = detailsText(draft);
  if (!known) return createConversation(core, tx, draft, details, options.at);
  if (known.account !== draft.account)
    throw new GatewayError("INTERNAL", `conversation ${draft.id} belongs to another account`);
  if (!options.update || detailsText(known) === details) return;
  await tx.run("UPDATE conversations SET details = ?, local_address = ? WHERE id = ?", [
    core.seals.seal(details, placeOf(draft.id)),
    draft.local.address,
    draft.id,
  ]);
}

async function createConversation(
  core: StoreCore,
  tx: Transaction,
  draft: ConversationDraft,
  details: string,
  at: Date,
): Promise<void> {
  const { id, account, key, local } = draft;
  await tx.run(
    `INSERT INTO conversations (id, account, conversation_key, local_address, created_at, details)
     VALUES (?, ?, ?, ?, ?, ?)`,
    [id, account, key, local.address, at.getTime(), core.seals.seal(details, placeOf(id))],
  );
}

export async function readConversation(
  core: StoreCore,
  connection: Connection,
  id: string,
): Promise<Conversation | undefined> {
  const row = await connection.get(`SELECT ${COLUMNS} FROM conversations WHERE id = ?`, [id]);
  return row && conversationOf(core, row);
}

async function mustRead(core: StoreCore, tx: Transaction, id: string): Promise<Conversation> {
  const conversation = await readConversation(core, tx, id);
  if (!conversation) throw notFound(`conversation ${id}`);
  return conversation;
}

async function bindRoom(
  core: StoreCore,
  tx: Transaction,
  conversationId: string,
  roomId: string,
): Promise<string> {
  const before = await mustRead(core, tx, conversationId);
  if (before.roomId !== undefined) return before.roomId;
  await refuseTakenRoom(tx, conversationId, roomId);
  const sql = "UPDATE conversations SET room_id = ? WHERE id = ? AND room_id IS NULL";
  await tx.run(sql, [roomId, conversationId]);
  return (await mustRead(core, tx, conversationId)).roomId ?? roomId;
}

/** A room shows one conversation: everybody in it may read everything in it. */
async function refuseTakenRoom(
  tx: Transaction,
  conversationId: string,
  roomId: string,
): Promise<void> {
  const taken = await tx.get("SELECT id FROM conversations WHERE room_id = ?", [roomId]);
  if (taken && textOf(taken, "id") !== conversationId)
    throw new GatewayError("NOT_ALLOWED", `room ${roomId} belongs to another conversation`);
}

async function listConversations(
  core: StoreCore,
  filter: { account?: string; after?: string; limit: number },
): Promise<readonly Conversation[]> {
  const byAccount = filter.account === undefined ? "" : "account = ? AND";
  const parameters: SqlValue[] = filter.account === undefined ? [] : [filter.account];
  parameters.push(filter.after ?? "", boundedLimit(filter.limit));
  const sql = `SELECT ${COLUMNS} FROM conversations WHERE ${byAccount} id > ? ORDER BY id LIMIT ?`;
  const rows = await core.db.read((connection) => connection.all(sql, parameters));
  return rows.map((row) => conversationOf(core, row));
}

function conversationOf(core: StoreCore, row: Row): Conversation {
  const id = textOf(row, "id");
  const details = JSON.parse(core.seals.open(bytesOf(row, "details"), placeOf(id))) as unknown;
  return {
    id,
    account: textOf(row, "account"),
    key: textOf(row, "conversation_key"),
    ...(given(detailsSchema.parse(details)) as Details),
    createdAt: timeOf(row, "created_at"),
    ...given({ roomId: optionalText(row, "room_id") }),
  };
}

type Details = Pick<
  ConversationDraft,
  "counterpart" | "local" | "subject" | "case" | "level" | "replyPolicy"
>;

/** In one fixed order, so that equal details are equal texts. */
function detailsText({ counterpart, local, subject, level, replyPolicy, ...rest }: Details) {
  const party = ({ address, name, role }: Details["local"]) => ({ address, name, role });
  const matter = rest.case && {
    reference: rest.case.reference,
    applicationId: rest.case.applicationId,
    legalBasis: rest.case.legalBasis,
  };
  const parties = { counterpart: party(counterpart), local: party(local) };
  return JSON.stringify({ ...parties, subject, case: matter, level, replyPolicy });
}

function placeOf(id: string): string {
  return `conversations/${id}/details`;
}
