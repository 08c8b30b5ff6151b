import { expect, test } from "vitest";
import type { RunStore } from "../../../src/gateway/declared/declared-run.ts";
import { createMemoryStore } from "../../../src/gateway/declared/memory-store.ts";
import { toDeclared } from "../../../src/gateway/declared/parse-declared.ts";
import { createRuns } from "../../../src/gateway/declared/runs.ts";
import { world } from "./support.ts";

const workflow = toDeclared(
  {
    stages: [
      { id: "a", kind: "llm", model: "big", prompt: "a" },
      { id: "b", kind: "llm", model: "big", prompt: "{{ stages.a.text }}" },
    ],
  },
  "test",
);
const submission = { workflow, tenant: "t", key: undefined, bodyHash: "" };
const memory = (): RunStore => createMemoryStore({ maxRuns: 10, maxCharacters: 1000 });

/** Whatever can happen without the world outside happens. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

test("a stage's children start when its result is saved, not before", async () => {
  const gate = Promise.withResolvers<void>();
  const store = memory();
  const slow: RunStore = {
    ...store,
    save: async (run, stage) => {
      await gate.promise;
      return store.save(run, stage);
    },
  };
  const { driver, options } = world(() => "x");
  await using runs = createRuns({ ...options, store: slow });
  await runs.submit(submission);
  await turns();
  expect(driver.told.at(-1)).toBe("end a");
  gate.resolve();
  await turns();
  expect(driver.told.at(-1)).toBe("end");
  expect((await store.get("t", "run-1"))?.stages.get("a")).toMatchObject({ status: "ended", text: "x" });
});

test("a result that cannot be saved fails the workflow", async () => {
  const faults: string[] = [];
  const broken: RunStore = { ...memory(), save: async () => Promise.reject(new Error("disk full")) };
  const { driver, options } = world(() => "x");
  await using runs = createRuns({ ...options, store: broken, onFault: (message) => faults.push(message) });
  await runs.submit(submission);
  await turns();
  expect(driver.told.at(-1)).toBe("cancel");
  expect(faults).toEqual(["the end of workflow run-1 could not be saved"]);
});

test("workflows that are being taken in count as open", async () => {
  const gate = Promise.withResolvers<void>();
  const store = memory();
  const slow: RunStore = {
    ...store,
    create: async (run) => {
      await gate.promise;
      return store.create(run);
    },
  };
  await using runs = createRuns({ ...world(() => "x").options, store: slow });
  const all = Array.from({ length: 5 }, () => runs.submit(submission));
  await turns();
  gate.resolve();
  expect((await Promise.all(all)).map(({ kind }) => kind)).toEqual([
    "created",
    "created",
    "created",
    "created",
    "too-many",
  ]);
});
