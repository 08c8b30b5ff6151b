/** One connection to Postgres that is opened anew when it is lost, and never waited for longer than is said. */

import postgres from "postgres";
import { StoreFault } from "../store.ts";
import { isOfOneStatement, toPostgresFault } from "./fault.ts";

export type Sql = postgres.Sql<{ whole: number }>;

const connectSeconds = 3;
const longestBackoffSeconds = 1;

export type ConnectionOptions = {
  readonly url: string;
  /** Whatever is not answered in that time is unavailable; the server gives up on it at about the same time. */
  readonly answerMs: number;
};

export class Connection implements AsyncDisposable {
  readonly #options: ConnectionOptions;
  #sql: Sql;
  /** It has answered since it was opened. */
  #answered = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#sql = this.#connect();
  }

  /** Rejects with a `StoreFault`. What runs too long is cut off, and whether it was done is not known. */
  async use<T>(act: (sql: Sql) => Promise<T>): Promise<T> {
    const sql = this.#sql;
    const { answerMs } = this.#options;
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => reject(new StoreFault("unavailable", `the Postgres database: no answer for ${answerMs} ms`)),
      answerMs,
    );
    try {
      return await Promise.race([act(sql), late]);
    } catch (error) {
      if (!isOfOneStatement(error)) this.#replace(sql);
      throw toPostgresFault(error);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Within one transaction. Nothing is sent any more once the connection is lost, not even the end of the transaction: the library
   * would write to a socket that is gone, from where no error can be caught. For the same reason whatever acts here must wait for
   * nothing but answers.
   */
  transaction<T>(mode: string, act: (sql: Sql) => Promise<T>): Promise<T> {
    return this.use(async (sql) => {
      // The library never hands out a connection that has not been asked for anything yet.
      if (!this.#answered) await sql.unsafe("select 1");
      this.#answered = this.#sql === sql;
      const own = await sql.reserve();
      await own.unsafe(`begin ${mode}`);
      try {
        const result = await act(own);
        await own.unsafe("commit");
        return result;
      } catch (error) {
        if (isOfOneStatement(error)) await own.unsafe("rollback");
        throw error;
      } finally {
        if (this.#sql === sql) own.release();
      }
    });
  }

  /** What is still under way on it ends with it; the server takes back transactions that are not committed. */
  #replace(sql: Sql): void {
    if (this.#sql !== sql) return;
    this.#sql = this.#connect();
    void sql.end({ timeout: 0 });
  }

  #connect(): Sql {
    this.#answered = false;
    const sql: Sql = connect(this.#options, () => {
      if (this.#sql === sql) this.#answered = false;
    });
    return sql;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sql.end({ timeout: 1 });
  }
}

function connect({ url, answerMs }: ConnectionOptions, onclose: () => void): Sql {
  return postgres(url, {
    max: 1,
    connect_timeout: connectSeconds,
    backoff: (retries) => Math.min(longestBackoffSeconds, 0.05 * 2 ** retries),
    // Types are settled by the statements; and when the library asks for them, nobody can catch that the connection is lost.
    fetch_types: false,
    onclose,
    // All of our whole numbers fit into a double.
    types: { whole: { to: 20, from: [20], parse: Number, serialize: String } },
    onnotice: () => {},
    connection: {
      application_name: "fate",
      synchronous_commit: "on",
      statement_timeout: answerMs,
      lock_timeout: Math.ceil(answerMs / 2),
      idle_in_transaction_session_timeout: answerMs,
    },
  });
}
