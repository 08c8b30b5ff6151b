/** Carries out verbs on a connection, many under way at once. */

import type { Outcome } from "../lane.ts";
import { StoreFault } from "../store.ts";
import { postgresDialect, type Row, type Statement } from "../sql/statement.ts";
import { begin, type Order } from "../sql/verbs.ts";
import type { Connection, Sql } from "./connection.ts";
import { isClash, isOfOneStatement, toPostgresFault } from "./fault.ts";

type CarryOut = (orders: readonly Order[]) => Promise<readonly Outcome[]>;

/** Transactions of several gateways may lock each other out; one of them is told so and goes again. */
const clashTries = 5;

/** All in one transaction, their statements sent without waiting for one another's answers. */
export function inTransaction(connection: Connection, mode: string, order: "mixed" | "one by one"): CarryOut {
  const together = (orders: readonly Order[]): Promise<readonly Outcome[]> =>
    connection.transaction(mode, (sql) =>
      order === "mixed" ? Promise.all(orders.map((each) => carryOutOne(sql, each))) : oneByOne(sql, orders),
    );

  const alone = async (each: Order): Promise<Outcome> => {
    for (let left = clashTries; ; left--)
      try {
        const [outcome] = await together([each]);
        return outcome ?? toOutcome(new StoreFault("broken", "a verb without an outcome"));
      } catch (error) {
        const cause = error instanceof StoreFault ? error.cause : error;
        if (left === 0 || !isClash(cause)) return toOutcome(error);
      }
  };

  return async (orders) => {
    try {
      return await together(orders);
    } catch (error) {
      // Each alone then, so that a verb fails only by what is wrong with itself.
      if (!isOfOneStatement(error instanceof StoreFault ? error.cause : error)) throw error;
      const outcomes: Outcome[] = [];
      for (const each of orders) outcomes.push(await alone(each));
      return outcomes;
    }
  };
}

/** Each by itself, of one statement that decides. */
export function eachAlone(connection: Connection): CarryOut {
  return (orders) =>
    connection.use((sql) =>
      Promise.all(orders.map(async (order) => carryOutOne(sql, order).catch((error: unknown) => toOutcome(error)))),
    );
}

async function oneByOne(sql: Sql, orders: readonly Order[]): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const order of orders) outcomes.push(await carryOutOne(sql, order));
  return outcomes;
}

async function carryOutOne(sql: Sql, order: Order): Promise<Outcome> {
  const verb = begin(postgresDialect, order);
  try {
    let step = verb.next([]);
    while (step.done !== true) step = verb.next(await execute(sql, step.value));
    return { ok: true, value: step.value };
  } catch (error) {
    // The verb's own refusal, before it changed anything; whatever the database says ends the transaction.
    if (error instanceof StoreFault) return toOutcome(error);
    throw error;
  }
}

async function execute(sql: Sql, { text, values }: Statement): Promise<readonly Row[]> {
  return await sql.unsafe<Row[]>(text, [...values], { prepare: true });
}

function toOutcome(error: unknown): Outcome {
  const { kind, message } = toPostgresFault(error);
  return { ok: false, kind, message };
}
