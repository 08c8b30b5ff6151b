import fc from "fast-check";
import { expect, test } from "vitest";
import { EventQueue } from "../../src/sim/event-queue.ts";

test("takes by time, and at one instant in the order of scheduling", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20 })), (times) => {
      const queue = new EventQueue();
      const order: [number, number][] = [];
      for (const [index, atUs] of times.entries()) queue.schedule(atUs, () => order.push([atUs, index]));
      for (let next = queue.take(); next !== undefined; next = queue.take()) next.run();
      expect(order).toEqual([...order].sort((left, right) => left[0] - right[0] || left[1] - right[1]));
      expect(order.length).toBe(times.length);
    }),
  );
});

test("counts what the run must go on for", () => {
  const queue = new EventQueue();
  queue.schedule(1, () => {}, false);
  queue.schedule(2, () => {});
  expect([queue.size, queue.essential]).toEqual([2, 1]);
  queue.take();
  queue.take();
  expect([queue.size, queue.essential]).toEqual([0, 0]);
});
