import { expect, test } from "vitest";
import { createMemoryStore } from "../../../src/store/memory.ts";
import type { Store } from "../../../src/store/store.ts";
import { createRuns } from "../../../src/gateway/declared/runs.ts";
import { submissionOf, world } from "./support.ts";

const submission = submissionOf({
  stages: [
    { id: "a", kind: "llm", model: "big", prompt: "a" },
    { id: "b", kind: "llm", model: "big", prompt: "{{ stages.a.text }}" },
  ],
});
const memory = (): Store => createMemoryStore({ nowMs: () => 0 });

/** Whatever can happen without the world outside happens. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

test("a stage's children start when its result is saved, and nobody sees it before", async () => {
  const gate = Promise.withResolvers<void>();
  const store = memory();
  const slow: Store = { ...store, saveStage: (...given) => gate.promise.then(() => store.saveStage(...given)) };
  const { driver, options } = world(() => "x");
  await using runs = createRuns({ ...options, store: slow });
  await runs.submit(submission);
  await turns();
  expect(driver.told.at(-1)).toBe("end a");
  expect((await runs.find("t", "run-1"))?.stages.get("a")?.status).toBe("running");
  gate.resolve();
  await turns();
  expect(driver.told.at(-1)).toBe("end");
  expect((await runs.find("t", "run-1"))?.stages.get("a")).toMatchObject({ status: "ended", text: "x" });
  expect((await store.readRun("run-1"))?.stages.map(({ stage }) => stage)).toEqual(["a", "b"]);
});

test("workflows that are being taken in count as open", async () => {
  const gate = Promise.withResolvers<void>();
  const store = memory();
  const slow: Store = { ...store, createRun: (run) => gate.promise.then(() => store.createRun(run)) };
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
