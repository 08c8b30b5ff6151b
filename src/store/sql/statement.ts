/**
 * Verbs as both databases carry them out. A verb yields one statement after another and is given the rows of each; SQLite answers at
 * once, Postgres when its answer has come. Postgres has several verbs of one transaction under way together, so what a verb decides,
 * it decides within one statement; a verb that throws has changed nothing yet.
 */

export type Statement = { readonly text: string; readonly values: readonly Value[] };

export type Value = string | number | null;

export type Row = { readonly [column: string]: Value };

export type Verb<T> = Generator<Statement, T, readonly Row[]>;

/** What the two say differently. */
export type Dialect = {
  /** Types of columns. Text is ordered by its bytes. */
  readonly text: string;
  readonly whole: string;
  readonly real: string;
  readonly counter: string;
  /** Ends the making of a table. */
  readonly strict: string;
  /** Milliseconds by the clock that leases run by. */
  readonly nowMs: string;
  /** Ends a selection whose rows must stay as they are until the transaction is over. */
  readonly stay: string;
  /** The same, of rows that are about to be changed: those that others have are waited for, or left out. */
  readonly claim: string;
  readonly claimFree: string;
  /** The texts of a JSON list, the first value of a statement. */
  readonly listed: string;
  /** Keeps everyone else from writing to this table until the transaction is over; undefined where nobody else does. */
  readonly lockTable: (table: string) => string | undefined;
  /** Leaves room where a table's rows are, so that one that changes need not move, with all that points to it. */
  readonly leaveRoom: (table: string) => readonly string[];
};

export const sqliteDialect: Dialect = {
  text: "text",
  whole: "integer",
  real: "real",
  counter: "integer primary key autoincrement",
  strict: " strict",
  nowMs: "now_ms()",
  stay: "",
  claim: "",
  claimFree: "",
  listed: "(select value from json_each($1))",
  lockTable: () => undefined,
  leaveRoom: () => [],
};

export const postgresDialect: Dialect = {
  text: 'text collate "C"',
  whole: "bigint",
  real: "double precision",
  counter: "bigint generated always as identity primary key",
  strict: "",
  nowMs: "(extract(epoch from clock_timestamp()) * 1000)::double precision",
  stay: " for share",
  claim: " for update",
  claimFree: " for update skip locked",
  listed: "(select json_array_elements_text(cast(cast($1 as text) as json)))",
  lockTable: (table) => `lock table ${table} in exclusive mode`,
  leaveRoom: (table) => [`alter table ${table} set (fillfactor = 50)`],
};
