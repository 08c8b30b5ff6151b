import { expect, test } from "vitest";
import { Lane, type Outcome } from "../../src/store/lane.ts";
import type { Order } from "../../src/store/sql/verbs.ts";
import { StoreFault } from "../../src/store/store.ts";

const order = (id: number, text = ""): Order => ({ verb: "readRun", given: [id, text] });
const done = (value: unknown): Outcome => ({ ok: true, value });

/** Batches wait until the test answers them. */
class Desk {
  readonly batches: { readonly ids: readonly unknown[]; readonly answer: PromiseWithResolvers<readonly Outcome[]> }[] =
    [];

  readonly carryOut = (orders: readonly Order[]): Promise<readonly Outcome[]> => {
    const answer = Promise.withResolvers<readonly Outcome[]>();
    this.batches.push({ ids: orders.map(({ given }) => given[0]), answer });
    return answer.promise;
  };

  get sizes(): readonly number[] {
    return this.batches.map(({ ids }) => ids.length);
  }

  /** Answers the batch with its own ids. */
  async answer(batch: number): Promise<void> {
    const { ids, answer } = this.batches[batch] ?? expect.unreachable("no such batch");
    answer.resolve(ids.map(done));
    await turns();
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

test("what comes at one moment goes together, and what comes meanwhile goes next, in order", async () => {
  const desk = new Desk();
  const lane = new Lane({ carryOut: desk.carryOut, maxBatch: 3 });
  const first = [lane.ask(order(1)), lane.ask(order(2))];
  await turns();
  const rest = [3, 4, 5, 6].map((id) => lane.ask(order(id)));
  await turns();
  expect(desk.sizes).toEqual([2]);
  await desk.answer(0);
  expect(await Promise.all(first)).toEqual([1, 2]);
  expect(desk.sizes).toEqual([2, 3]);
  await desk.answer(1);
  await desk.answer(2);
  expect(await Promise.all(rest)).toEqual([3, 4, 5, 6]);
  const late = lane.ask(order(7));
  await turns();
  await desk.answer(3);
  expect(await late).toBe(7);
});

test("a verb fails alone by its outcome, all by a batch that fails, and the next batch goes on", async () => {
  const desk = new Desk();
  const lane = new Lane({ carryOut: desk.carryOut });
  const both = Promise.allSettled([lane.ask(order(1)), lane.ask(order(2)), lane.ask(order(3))]);
  await turns();
  desk.batches[0]?.answer.resolve([done(1), { ok: false, kind: "full", message: "no room" }]);
  expect(await both).toMatchObject([
    { status: "fulfilled", value: 1 },
    { status: "rejected", reason: { name: "StoreFault", kind: "full", message: "no room" } },
    { status: "rejected", reason: { kind: "broken" } },
  ]);
  const failing = Promise.allSettled([lane.ask(order(4)), lane.ask(order(5))]);
  await turns();
  desk.batches[1]?.answer.reject(new StoreFault("unavailable", "away"));
  expect(await failing).toMatchObject([{ reason: { kind: "unavailable" } }, { reason: { kind: "unavailable" } }]);
  const odd = Promise.allSettled([lane.ask(order(6))]);
  await turns();
  desk.batches[2]?.answer.reject(new Error("odd"));
  expect(await odd).toMatchObject([{ reason: { kind: "broken", message: "Error: odd" } }]);
});

test("beyond what may wait, in number or in size, verbs are refused, and taken in again later", async () => {
  const desk = new Desk();
  const lane = new Lane({ carryOut: desk.carryOut, maxBatch: 100_000 });
  const first = lane.ask(order(0));
  await turns();
  const waiting = Array.from({ length: 20_000 }, (_, id) => lane.ask(order(id)));
  await expect(lane.ask(order(1))).rejects.toMatchObject({
    kind: "unavailable",
    message: expect.stringContaining("behind"),
  });
  await desk.answer(0);
  await desk.answer(1);
  await Promise.all([first, ...waiting]);
  const large = "x".repeat(200 * 2 ** 20);
  const one = lane.ask(order(1));
  await turns();
  const two = lane.ask(order(2, large));
  await expect(lane.ask(order(3, large))).rejects.toMatchObject({ kind: "unavailable" });
  await desk.answer(2);
  await desk.answer(3);
  expect(await Promise.all([one, two])).toEqual([1, 2]);
});

test("closing answers what waits and takes in nothing more", async () => {
  const desk = new Desk();
  const lane = new Lane({ carryOut: desk.carryOut });
  const asked = lane.ask(order(1));
  const closed = lane.close();
  await expect(lane.ask(order(2))).rejects.toMatchObject({ kind: "unavailable", message: "the store is closed" });
  await turns();
  await desk.answer(0);
  await closed;
  expect(await asked).toBe(1);
});
