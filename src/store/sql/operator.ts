import { GatewayError } from "../../model/errors.ts";
import { nextActSourceId } from "../../model/act.ts";
import type { Store } from "../store.ts";
import { writeAudit } from "./audit.ts";
import type { StoreCore } from "./core.ts";
import { markDue } from "./lane-rows.ts";
import { deliveryIdOf, type LetterHead, lockLetter, moveLetter } from "./letter-rows.ts";
import { textOf } from "./rows.ts";
import { recordReceipt } from "./receipts.ts";
import { type LetterTransaction, writeLetters } from "./tallies.ts";

export function operatorMethods(core: StoreCore): Pick<Store, "resend" | "resolveUnknown"> {
  return {
    resend: (id, options, at) => writeLetters(core, (tx) => resend(core, tx, id, options, at)),
    resolveUnknown: (id, to, by, at) =>
      writeLetters(core, (tx) => resolveUnknown(core, tx, id, to, by, at)),
  };
}

/** Back to its old place in the line. The count of attempts and the deadline begin anew; the old attempts stay on record. */
async function resend(
  core: StoreCore,
  tx: LetterTransaction,
  id: string,
  options: { asNew: boolean; by: string },
  at: Date,
): Promise<void> {
  const letter = await lockLetter(tx, id);
  if (letter.state !== "failed" && letter.state !== "unknown") throw notNow(letter, "sent again");
  await refuseRepeatedAct(tx, id);
  const generation = letter.generation + (options.asNew ? 1 : 0);
  const fresh = { nextAt: at, attempts: 0, firstAttemptAt: null, generation };
  await moveLetter(core, tx, letter, "pending", fresh);
  await markDue(tx, letter.lane, at);
  const detail = { was: letter.state, deliveryId: deliveryIdOf(id, generation) };
  await writeAudit(core, tx, { actor: options.by, action: "resend", subject: id, detail }, at);
}

/** An act that failed may have been done again meanwhile: sent now, it would be done twice. */
async function refuseRepeatedAct(tx: LetterTransaction, id: string): Promise<void> {
  const row = await tx.get("SELECT account, source_id FROM messages WHERE id = ?", [id]);
  const next = row && nextActSourceId(textOf(row, "source_id"));
  if (!row || next === undefined) return;
  const known = "SELECT 1 AS known FROM messages WHERE account = ? AND source_id = ?";
  if (await tx.get(known, [textOf(row, "account"), next]))
    throw new GatewayError(
      "NOT_ALLOWED",
      `letter ${id} is an act that was done again by a later letter; it cannot be sent again`,
    );
}

/** The origin is told in the same transaction: otherwise a crash could leave it in doubt for ever. */
async function resolveUnknown(
  core: StoreCore,
  tx: LetterTransaction,
  id: string,
  to: "delivered" | "failed",
  by: string,
  at: Date,
): Promise<void> {
  const letter = await lockLetter(tx, id);
  if (letter.state !== "unknown") throw notNow(letter, `resolved as ${to}`);
  const detail = `resolved by ${by}`;
  const reason = to === "failed" ? { code: "OUTCOME_UNKNOWN" as const, detail } : { detail };
  await moveLetter(core, tx, letter, to, { ...reason, settledAt: at });
  const kind = to === "delivered" ? "delivered" : "not-delivered";
  await recordReceipt(core, tx, letter, { kind, at, detail }, at);
  // The letters behind it waited for this one.
  await markDue(tx, letter.lane, at);
  await writeAudit(core, tx, { actor: by, action: `resolve-${to}`, subject: id }, at);
}

function notNow(letter: LetterHead, step: string): GatewayError {
  return new GatewayError(
    "NOT_ALLOWED",
    `letter ${letter.id} is ${letter.state}; it cannot be ${step}`,
  );
}
