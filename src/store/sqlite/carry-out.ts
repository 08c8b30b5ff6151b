/** Carries out a batch of verbs in one transaction of SQLite. */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Outcome } from "../lane.ts";
import { StoreFault } from "../store.ts";
import { sqliteDialect, type Row, type Statement, type Value } from "../sql/statement.ts";
import { begin, type Order } from "../sql/verbs.ts";
import { toSqliteFault } from "./fault.ts";

export type CarryOut = (orders: readonly Order[]) => readonly Outcome[];

export function createCarryOut(db: DatabaseSync, path: string): CarryOut {
  /** By their text, of which there are a few dozen. */
  const prepared = new Map<string, StatementSync>();

  const execute = ({ text, values }: Statement): readonly Row[] => {
    let statement = prepared.get(text);
    if (statement === undefined) prepared.set(text, (statement = db.prepare(text)));
    const named: Record<string, Value> = {};
    for (const [index, value] of values.entries()) named[`$${index + 1}`] = value;
    return statement.all(named) as unknown as readonly Row[];
  };

  const carryOutOne = (order: Order): Outcome => {
    const verb = begin(sqliteDialect, order);
    try {
      let step = verb.next([]);
      while (step.done !== true) step = verb.next(execute(step.value));
      return { ok: true, value: step.value };
    } catch (error) {
      // The verb's own refusal, before it changed anything; whatever the database says ends the transaction.
      if (!(error instanceof StoreFault)) throw error;
      return { ok: false, kind: error.kind, message: error.message };
    }
  };

  const together: CarryOut = (orders) => {
    db.exec("begin immediate");
    try {
      const outcomes = orders.map(carryOutOne);
      db.exec("commit");
      return outcomes;
    } catch (error) {
      // Some errors have ended the transaction already.
      if (db.isTransaction) db.exec("rollback");
      throw error;
    }
  };

  /** If it fails together, each alone, so that a verb fails only by what is wrong with itself. */
  const carryOut: CarryOut = (orders) => {
    try {
      return together(orders);
    } catch (error) {
      if (orders.length > 1) return orders.flatMap((order) => carryOut([order]));
      const { kind, message } = toSqliteFault(error, path);
      return [{ ok: false, kind, message }];
    }
  };
  return carryOut;
}
