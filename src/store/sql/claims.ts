import { timingSafeEqual } from "node:crypto";
import { GatewayError } from "../../model/errors.ts";
import type { AnyClaimAnswer, Claim, ClaimLimits, ClaimResult, NewClaim, Store } from "../store.ts";
import { writeAudit } from "./audit.ts";
import type { StoreCore } from "./core.ts";
import type { Row, SqlValue, Transaction } from "./database.ts";
import { writeLink } from "./links.ts";
import { numberOf, textOf, timeOf, wordOf } from "./rows.ts";

const STATES = ["open", "used", "superseded", "blocked"] as const;
const SELECT =
  "SELECT id, account, mailbox, user_id, code_mac, state, tries, requested_at, expires_at FROM claims";

/** Open claims of one user that one code is compared with; limits per day and lifetime allow fewer. */
const MAX_OPEN = 100;

type ClaimMethods = Pick<Store, "openClaim" | "answerClaim" | "answerAnyClaim" | "claim">;
type Answer = Parameters<Store["answerClaim"]>[0];

export function claimMethods(core: StoreCore): ClaimMethods {
  return {
    openClaim: (claim, limits, at) => openClaim(core, claim, limits, at),
    answerClaim: (answer, at) => core.db.write((tx) => answerClaim(core, tx, answer, at)),
    answerAnyClaim: (answer, at) => core.db.write((tx) => answerAny(core, tx, answer, at)),
    async claim(id) {
      const rows = await core.db.read((db) => db.all(`${SELECT} WHERE id = ?`, [id]));
      return rows[0] && claimOf(rows[0]);
    },
  };
}

function openClaim(
  core: StoreCore,
  { id, account, mailbox, user, mac, by, expiresAt }: NewClaim,
  limits: ClaimLimits,
  at: Date,
): Promise<void> {
  return core.db.write(async (tx) => {
    // One after the other (the audit entry needs this lock anyway): two at once must not both be the last one allowed.
    await tx.lockGlobally("audit");
    const since = limits.since.getTime();
    const count = async (where: string, values: readonly SqlValue[]) => {
      const sql = `SELECT COUNT(*) AS n FROM claims WHERE ${where} AND requested_at > ?`;
      const [row] = await tx.all(sql, [...values, since]);
      return row ? numberOf(row, "n") : 0;
    };
    if ((await count("account = ? AND mailbox = ?", [account, mailbox])) >= limits.perMailbox)
      throw tooMany("for this mailbox");
    if ((await count("user_id = ?", [user])) >= limits.perUser) throw tooMany("by this user");
    await tx.run(
      `UPDATE claims SET state = 'superseded'
       WHERE account = ? AND mailbox = ? AND user_id = ? AND state = 'open'`,
      [account, mailbox, user],
    );
    await tx.run(
      `INSERT INTO claims (id, account, mailbox, user_id, code_mac, state, tries, requested_by,
         requested_at, expires_at) VALUES (?, ?, ?, ?, ?, 'open', 0, ?, ?, ?)`,
      [id, account, mailbox, user, mac, by, at.getTime(), expiresAt.getTime()],
    );
    await note(core, tx, { id, account, mailbox, user }, "claim-requested", by, at);
  });
}

function tooMany(whose: string): GatewayError {
  return new GatewayError("NOT_ALLOWED", `too many codes were asked for ${whose}; try tomorrow`);
}

async function answerClaim(
  core: StoreCore,
  tx: Transaction,
  { id, user, mac, by, maxTries }: Answer,
  at: Date,
): Promise<ClaimResult> {
  await tx.lockGlobally("audit");
  // Counted first: nobody gets a free try, however many ask at the same time.
  const counted = await tx.run(
    `UPDATE claims SET tries = tries + 1
     WHERE id = ? AND user_id = ? AND state = 'open' AND expires_at > ?`,
    [id, user, at.getTime()],
  );
  const [row] = await tx.all(`${SELECT} WHERE id = ? AND user_id = ?`, [id, user]);
  if (!row) return "unknown";
  const claim = claimOf(row);
  if (counted === 0) return whyNot(claim);
  const end = (state: Claim["state"]) =>
    tx.run("UPDATE claims SET state = ? WHERE id = ?", [state, id]);
  if (!sameText(textOf(row, "code_mac"), mac)) {
    const last = claim.tries >= maxTries;
    if (last) await end("blocked");
    await note(core, tx, claim, last ? "claim-blocked" : "claim-wrong-code", by, at);
    return last ? "blocked" : "wrong-code";
  }
  await end("used");
  const { account, mailbox } = claim;
  await writeLink(core, tx, { account, mailbox, user, provenance: "claim", by }, at);
  await note(core, tx, claim, "claim-proved", by, at);
  return "linked";
}

async function answerAny(
  core: StoreCore,
  tx: Transaction,
  { user, accounts, macOf, by, maxTries }: AnyClaimAnswer,
  at: Date,
): Promise<{ result: ClaimResult; id?: string }> {
  await tx.lockGlobally("audit");
  const rows = await tx.all(
    `${SELECT} WHERE user_id = ? AND state = 'open' AND expires_at > ?
     ORDER BY requested_at DESC, id DESC LIMIT ?`,
    [user, at.getTime(), MAX_OPEN],
  );
  const open = rows.filter((row) => accounts.includes(textOf(row, "account")));
  const meant = open.filter((row) => sameText(textOf(row, "code_mac"), macOf(textOf(row, "id"))));
  let answer: { result: ClaimResult; id?: string } = { result: "unknown" };
  for (const row of meant.length > 0 ? meant.slice(0, 1) : open) {
    const id = textOf(row, "id");
    const result = await answerClaim(core, tx, { id, user, mac: macOf(id), by, maxTries }, at);
    // Of several that were tried in vain, one that still takes a code says it for all.
    if (answer.result !== "wrong-code") answer = { result, id };
  }
  return answer;
}

function whyNot({ state }: Claim): ClaimResult {
  if (state === "open") return "expired";
  return state === "blocked" ? "blocked" : "closed";
}

function sameText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.byteLength === b.byteLength && timingSafeEqual(a, b);
}

function note(
  core: StoreCore,
  tx: Transaction,
  { id, account, mailbox, user }: Pick<Claim, "id" | "account" | "mailbox" | "user">,
  action: string,
  actor: string,
  at: Date,
): Promise<unknown> {
  const subject = `${account}/${mailbox}`;
  return writeAudit(core, tx, { actor, action, subject, detail: { claim: id, user } }, at);
}

function claimOf(row: Row): Claim {
  return {
    id: textOf(row, "id"),
    account: textOf(row, "account"),
    mailbox: textOf(row, "mailbox"),
    user: textOf(row, "user_id"),
    state: wordOf(row, "state", STATES),
    tries: numberOf(row, "tries"),
    requestedAt: timeOf(row, "requested_at"),
    expiresAt: timeOf(row, "expires_at"),
  };
}
