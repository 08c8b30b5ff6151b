import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { compareWithMemory, randomSteps } from "./random-verbs.ts";
import { SqliteFolder } from "./sqlite-world.ts";
import { holdToContract } from "./store-conformance.ts";
import { portionOf } from "../support/portion.ts";

const folder = new SqliteFolder();
afterAll(() => folder[Symbol.asyncDispose]());

holdToContract(
  () => folder.open(),
  () => folder.openOwn(),
);

test("whatever verbs come, SQLite answers as memory does", async () => {
  let telling = 0;
  await fc.assert(
    fc.asyncProperty(randomSteps, async (steps) => {
      await using given = await folder.open();
      telling += await compareWithMemory(steps, given);
    }),
    { numRuns: portionOf(60) },
  );
  expect(telling).toBeGreaterThan(portionOf(300));
});
