import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Row, SqlValue, Transaction } from "../sql/database.ts";

/** Prepared once per connection and text; the store's texts are few and fixed. */
const MAX_STATEMENTS = 1_000;

/** The synchronous connection behind the asynchronous contract. Locks are not needed: one transaction writes at a time. */
export function connect(db: DatabaseSync): Transaction {
  const statements = new Map<string, StatementSync>();
  const prepare = (sql: string): StatementSync => {
    const known = statements.get(sql);
    if (known) return known;
    if (statements.size >= MAX_STATEMENTS) statements.clear();
    const statement = db.prepare(sql);
    statements.set(sql, statement);
    return statement;
  };
  return {
    run: async (sql, parameters) => Number(prepare(sql).run(...plain(parameters)).changes),
    get: async (sql, parameters) => prepare(sql).get(...plain(parameters)) as Row | undefined,
    all: async (sql, parameters) => prepare(sql).all(...plain(parameters)) as readonly Row[],
    script: async (sql) => db.exec(sql),
    lockLanes: () => Promise.resolve(),
    lockGlobally: () => Promise.resolve(),
  };
}

function plain(parameters: readonly SqlValue[]): SqlValue[] {
  return parameters as SqlValue[];
}
