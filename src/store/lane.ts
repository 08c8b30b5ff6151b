/**
 * Verbs that wait to be carried out, in their order: while one batch is under way the next gathers, so that many share one commit.
 * Invariant: one batch at a time, and every verb that was taken in is answered.
 */

import { StoreFault } from "./store.ts";
import type { Order } from "./sql/verbs.ts";

/** Goes between threads, where errors lose their class. */
export type Outcome =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly kind: StoreFault["kind"]; readonly message: string };

export type LaneOptions = {
  /** Answers each order in its place once all are durable. Rejects with a `StoreFault` if it is not known what became of them. */
  readonly carryOut: (orders: readonly Order[]) => Promise<readonly Outcome[]>;
  /** At most so many share a commit. */
  readonly maxBatch?: number;
};

/** Beyond either, what comes is refused: whoever asks so much faster than is written would wait ever longer. */
const maxWaiting = 20_000;
const maxWaitingBytes = 256 * 2 ** 20;

type Waiting = {
  readonly order: Order;
  readonly bytes: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (fault: StoreFault) => void;
};

export class Lane {
  readonly #carryOut: LaneOptions["carryOut"];
  readonly #maxBatch: number;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  /** Settles when nothing waits any more. */
  #running: Promise<void> | undefined;
  #closed = false;

  constructor({ carryOut, maxBatch = 1000 }: LaneOptions) {
    this.#carryOut = carryOut;
    this.#maxBatch = maxBatch;
  }

  ask(order: Order): Promise<unknown> {
    if (this.#closed) return Promise.reject(new StoreFault("unavailable", "the store is closed"));
    const bytes = sizeOf(order);
    if (this.#waiting.length >= maxWaiting || this.#waitingBytes + bytes > maxWaitingBytes)
      return Promise.reject(
        new StoreFault("unavailable", `${this.#waiting.length} writes wait for the store, which is behind`),
      );
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.push({ order, bytes, resolve, reject });
    this.#waitingBytes += bytes;
    this.#running ??= this.#run();
    return promise;
  }

  /** Takes in nothing more; resolves once what waits is answered. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    // What comes within this moment goes along.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#maxBatch);
      this.#waitingBytes -= batch.reduce((sum, { bytes }) => sum + bytes, 0);
      try {
        const outcomes = await this.#carryOut(batch.map(({ order }) => order));
        for (const [index, waiting] of batch.entries()) answer(waiting, outcomes[index]);
      } catch (error) {
        const fault = error instanceof StoreFault ? error : new StoreFault("broken", String(error), { cause: error });
        for (const { reject } of batch) reject(fault);
      }
    }
    this.#running = undefined;
  }
}

function answer({ resolve, reject }: Waiting, outcome: Outcome | undefined): void {
  if (outcome?.ok === true) resolve(outcome.value);
  else if (outcome === undefined) reject(new StoreFault("broken", "the store left a verb without an answer"));
  else reject(new StoreFault(outcome.kind, outcome.message));
}

/** Roughly what an order holds in memory: its texts, and a little for the rest. */
function sizeOf({ given }: Order): number {
  let bytes = 100;
  for (const each of given)
    for (const part of typeof each === "object" && each !== null ? Object.values(each) : [each])
      if (typeof part === "string") bytes += part.length;
  return bytes;
}
