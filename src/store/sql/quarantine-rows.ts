import { newId } from "../../model/id.ts";
import type { NewQuarantine, QuarantineItem } from "../store.ts";
import type { StoreCore } from "./core.ts";
import type { Row, Transaction } from "./database.ts";
import {
  blobColumns,
  bytesOf,
  codeOf,
  given,
  optionalBlob,
  optionalText,
  optionalTime,
  sideOf,
  textOf,
  timeOf,
  wordOf,
} from "./rows.ts";

export const QUARANTINE_COLUMNS = `id, account, side, source_id, identity, code, detail, original_digest,
  original_size, message_id, state, created_at, closed_at, closed_by`;

/**
 * `identity` says what makes it the same case again; without one it is a case of its own (a letter that is held).
 * A case that was released and comes back is open again; one that was rejected stays rejected. Returns the id.
 */
export async function keepInQuarantine(
  core: StoreCore,
  tx: Transaction,
  item: NewQuarantine,
  at: Date,
  identity?: string,
): Promise<string> {
  const id = newId(at.getTime());
  const same = identity ?? `held/${id}`;
  await tx.run(INSERT, [
    id,
    item.account,
    item.side,
    item.sourceId,
    same,
    item.code,
    core.seals.seal(item.detail, placeOf(item.account, same)),
    ...blobColumns(item.original),
    item.messageId ?? null,
    at.getTime(),
  ]);
  if (identity === undefined) return id;
  const sql = "SELECT id FROM quarantine WHERE account = ? AND identity = ?";
  const kept = await tx.get(sql, [item.account, identity]);
  return kept ? textOf(kept, "id") : id;
}

const INSERT = `INSERT INTO quarantine (id, account, side, source_id, identity, code, detail, original_digest,
    original_size, message_id, state, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', ?)
  ON CONFLICT (account, identity) DO UPDATE SET
    state = 'open', closed_at = NULL, closed_by = NULL, code = excluded.code,
    detail = excluded.detail, original_digest = excluded.original_digest,
    original_size = excluded.original_size
  WHERE quarantine.state = 'released'`;

export function quarantineItemOf(core: StoreCore, row: Row): QuarantineItem {
  const account = textOf(row, "account");
  return {
    id: textOf(row, "id"),
    account,
    side: sideOf(row, "side"),
    sourceId: textOf(row, "source_id"),
    code: codeOf(row, "code"),
    detail: core.seals.open(bytesOf(row, "detail"), placeOf(account, textOf(row, "identity"))),
    state: wordOf(row, "state", ["open", "released", "rejected"]),
    createdAt: timeOf(row, "created_at"),
    ...given({
      original: optionalBlob(row, "original"),
      messageId: optionalText(row, "message_id"),
      closedAt: optionalTime(row, "closed_at"),
      closedBy: optionalText(row, "closed_by"),
    }),
  };
}

function placeOf(account: string, identity: string): string {
  return `quarantine/${account}/${identity}/detail`;
}
