import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSealer } from "../../../src/store/sealer.ts";
import type { Connection, Database, Transaction } from "../../../src/store/sql/database.ts";
import { createSqlStore } from "../../../src/store/sql/sql-store.ts";
import { createSqliteDatabase } from "../../../src/store/sqlite/database.ts";
import type { Store } from "../../../src/store/store.ts";
import {
  deliverHead,
  event,
  leaseOf,
  letter,
  sqliteStores,
  T0,
  TEST_KEYS,
  type TestDatabase,
} from "../../support/stores.ts";

/** Tables that grow with every letter: no statement of the daily work may read one from end to end. */
const GROWING = ["messages", "m", "receipts", "r", "events", "attempts", "remote_parts", "lanes"];
const statements = new Map<string, number>();
let db: TestDatabase;
let file: string;
let store: Store;

beforeAll(async () => {
  db = await sqliteStores.create();
  file = db.address.kind === "sqlite" ? db.address.file : "";
  store = createSqlStore(recording(createSqliteDatabase({ file })), createSealer(TEST_KEYS));
  await store.open();
  await dailyWork(store);
});
afterAll(async () => {
  await store.close();
  await db.dispose();
});

test("no statement of the daily work reads a growing table from end to end", () => {
  const plain = new DatabaseSync(file);
  const scans: string[] = [];
  for (const [sql, parameters] of statements) {
    const plan = plain
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all(...Array.from({ length: parameters }, () => null))
      .map((row) => String(row["detail"]));
    const scanned = plan.filter((step) => {
      const [verb, table = ""] = step.split(" ");
      return verb === "SCAN" && GROWING.includes(table) && !isSmallIndex(step);
    });
    if (scanned.length > 0) scans.push(`${scanned.join("; ")}\n  in ${sql}`);
  }
  plain.close();
  expect(statements.size).toBeGreaterThan(30);
  expect(scans).toEqual([]);
});

test("letters of an account are listed along an index, without sorting all of them", () => {
  const plain = new DatabaseSync(file);
  const lists = [...statements.keys()].filter((sql) => sql.includes("WHERE account = ? ORDER BY"));
  const plans = lists.map((sql) =>
    plain
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all("a", 1)
      .map((row) => String(row["detail"]))
      .join("\n"),
  );
  plain.close();
  expect(plans).toHaveLength(1);
  expect(plans[0]).toContain("messages_of_account (account=?)");
});

/** Partial indexes hold only what is not finished. */
function isSmallIndex(step: string): boolean {
  return /messages_in_line|receipts_due|events_in_line|events_swept_only|lanes_due/.test(step);
}

async function dailyWork(at: Store): Promise<void> {
  const held = letter({ conversationId: "c2", hold: { code: "INPUT_INVALID", detail: "" } });
  const receipts = [{ kind: "submission-accepted", at: T0 } as const];
  await at.accept([letter({ receipts }), held], T0);
  await at.recordEvents([event("$1")], "push", T0);
  await at.recordEvents([event("$1")], "sweep", T0);
  for (const lane of await at.dueLanes(T0, 10)) {
    const lease = await leaseOf(at, lane);
    await at.renewLane(lease, T0);
    const work = await at.nextWork(lease, T0);
    if (work?.kind === "letter") {
      const id = await deliverHead(at, lease);
      await at.withoutReceiptUpTo(id, "retrieved", 10);
      await at.messageByRemote(undefined, "part");
      await at.messageByRemote("a", "part");
      await at.trace(id);
    } else if (work?.kind === "notice") {
      await at.settleNotice(lease, work.notice, { outcome: "told" }, T0);
    } else if (work?.kind === "event") {
      await at.settleEvent(lease, work.event.eventId, { outcome: "done" }, T0);
    }
    await at.releaseLane(lease, T0);
  }
  await at.messageBySource("a", "x");
  await at.listMessages({ state: "failed", limit: 10 });
  await at.listMessages({ account: "a", state: "pending", limit: 10, order: "newest" });
  await at.listMessages({ account: "a", limit: 10, order: "newest" });
  await at.listMessages({ conversationId: "c1", limit: 10 });
  await at.conversationByRoom("!x");
  await at.bindRoom("c1", "!x");
  await at.releaseHeld("a", "mailbox-1", "INPUT_INVALID", "op", T0);
  await at.listFacts("s", "p", { limit: 10 });
  await at.linksOf("a", "m");
  await at.mailboxesOf("a", "@u:h");
  await at.stats(T0);
}

/** Notes the text of every statement on its way. */
function recording(inner: Database): Database {
  const note = <T>(sql: string, parameters: readonly unknown[], answer: T): T => {
    if (!/^\s*INSERT/.test(sql)) statements.set(sql, parameters.length);
    return answer;
  };
  const watch = <C extends Connection>(connection: C): C => ({
    ...connection,
    run: (sql: string, values: readonly (string | number | null | Uint8Array)[]) =>
      note(sql, values, connection.run(sql, values)),
    get: (sql: string, values: readonly (string | number | null | Uint8Array)[]) =>
      note(sql, values, connection.get(sql, values)),
    all: (sql: string, values: readonly (string | number | null | Uint8Array)[]) =>
      note(sql, values, connection.all(sql, values)),
  });
  return {
    ...inner,
    read: (work) => inner.read((connection) => work(watch(connection))),
    snapshot: (work) => inner.snapshot((connection) => work(watch(connection))),
    write: (work) => inner.write((transaction: Transaction) => work(watch(transaction))),
  };
}
