/** What is learnt about the models that are called. */

import { expect, test } from "vitest";
import { noDemand, noteDemand } from "../../../src/policy/foresight/demand.ts";
import { remainingWork } from "../../../src/policy/remaining-work.ts";
import { dag } from "../../support/build.ts";
import { lookOnce } from "../../support/look-once.ts";

test("what was counted is read once, however many workflows are open", () => {
  const workflows = Array.from({ length: 50 }, (_, index) => ({ ...dag("a"), id: `w${index}` }));
  const { before, reads, after } = lookOnce({ workflows }, (view) => {
    const work = remainingWork(view);
    const first = noteDemand(view, work, noDemand);
    let count = 0;
    const counted = new Proxy(first.counted, {
      get: (ids, name): unknown => {
        if (typeof name === "string" && /^\d+$/.test(name)) count += 1;
        return Reflect.get(ids, name);
      },
    });
    return { before: first, after: noteDemand(view, work, { ...first, counted }), reads: count };
  });
  expect(before.parts).toEqual({ "llama-3.1-8b": 1 });
  expect(before.counted).toHaveLength(50);
  expect(after).toEqual(before);
  expect(reads).toBe(50);
});
