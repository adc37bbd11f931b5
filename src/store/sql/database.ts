/**
 * What the store needs of a database: the one thing that SQLite and PostgreSQL implement differently. Everything above
 * it (sql/*.ts) is written once, in SQL that both understand, with `?` for parameters.
 */
export type SqlValue = string | number | null | Uint8Array;
export type Row = Readonly<Record<string, SqlValue>>;

export interface Connection {
  /** Number of rows changed. */
  run(sql: string, parameters: readonly SqlValue[]): Promise<number>;
  get(sql: string, parameters: readonly SqlValue[]): Promise<Row | undefined>;
  all(sql: string, parameters: readonly SqlValue[]): Promise<readonly Row[]>;
}

export interface Transaction extends Connection {
  /**
   * Until the end of the transaction nobody else changes these lanes or what stands in them. Call it first, once, with
   * every lane that the transaction touches: locks are taken in one global order, so no two transactions wait for each
   * other. It is also what makes `seq` follow the order of commits within a lane.
   */
  lockLanes(lanes: readonly string[]): Promise<void>;
  /** One transaction at a time in the whole database; always the last lock that is taken. */
  lockGlobally(name: "audit" | "migration"): Promise<void>;
  /** Several statements without parameters. */
  script(sql: string): Promise<void>;
}

/**
 * `work` must not wait for anything but its connection, and may run more than once: it has no other effects.
 * Rejections: what `work` throws; GatewayError STORE_UNAVAILABLE when the database cannot be used (then nothing was
 * changed, except that a PostgreSQL which dies during COMMIT leaves that open: every write is safe to repeat).
 */
export interface Database {
  readonly dialect: Dialect;
  open(): Promise<void>;
  close(): Promise<void>;
  /** Single statements, each sees what is committed. */
  read<T>(work: (connection: Connection) => Promise<T>): Promise<T>;
  /** Several statements that see the same state. */
  snapshot<T>(work: (connection: Connection) => Promise<T>): Promise<T>;
  /** Resolved = on disk. */
  write<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
}

export type Dialect = "sqlite" | "postgres";

/** The words of schema.sql and the migrations that differ between the two. Times are milliseconds since 1970 UTC. */
const COLUMN_TYPES: Readonly<Record<string, Readonly<Record<Dialect, string>>>> = {
  TEXT: { sqlite: "TEXT", postgres: 'TEXT COLLATE "C"' },
  NUMBER: { sqlite: "INTEGER", postgres: "BIGINT" },
  TIME: { sqlite: "INTEGER", postgres: "BIGINT" },
  BYTES: { sqlite: "BLOB", postgres: "BYTEA" },
  SERIAL: {
    sqlite: "INTEGER PRIMARY KEY AUTOINCREMENT",
    postgres: "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
  },
  STRICT: { sqlite: "STRICT", postgres: "" },
  CLUSTERED: { sqlite: "STRICT, WITHOUT ROWID", postgres: "" },
};
const typeWord = new RegExp(`\\b(?:${Object.keys(COLUMN_TYPES).join("|")})\\b`, "g");

/** Turns the common form of a schema into the dialect's; comments are dropped. */
export function inDialect(schema: string, dialect: Dialect): string {
  const bare = schema.replace(/--.*$/gm, "");
  return bare.replace(typeWord, (word) => COLUMN_TYPES[word]?.[dialect] ?? word);
}

/** `(?, ?), (?, ?)`: the values of several rows in one statement. */
export function valueRows(rows: number, columns: number): string {
  const row = `(${"?, ".repeat(columns - 1)}?)`;
  return `${row}, `.repeat(rows - 1) + row;
}
