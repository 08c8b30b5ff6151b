import { expect, test } from "vitest";
import { newRecord, type DeclaredRun } from "../../../src/gateway/declared/declared-run.ts";
import { createEventLog } from "../../../src/gateway/declared/event-log.ts";
import { createMemoryStore } from "../../../src/gateway/declared/memory-store.ts";

function run(id: string, text: string, status: DeclaredRun["status"] = "succeeded"): DeclaredRun {
  const stages = new Map([["s", { ...newRecord("s", "llm"), text }]]);
  const idempotency = { key: `key of ${id}`, bodyHash: "" };
  return {
    id,
    tenant: "t",
    workflow: { inputs: {}, stages: [], outputs: [] },
    status,
    createdMs: 0,
    stages,
    idempotency,
  };
}

test("of runs that are over the newest are kept, by number and by size; open ones all", async () => {
  const forgotten: string[] = [];
  const store = createMemoryStore({ maxRuns: 3, maxCharacters: 10, forget: (id) => forgotten.push(id) });
  const end = async (id: string, text: string): Promise<void> => {
    await store.create(run(id, "", "running"));
    await store.save(run(id, text));
  };
  await store.create(run("open", "", "running"));
  for (const id of ["a", "b", "c", "d"]) await end(id, "x");
  expect(forgotten).toEqual(["a"]);
  await end("long", "x".repeat(9));
  expect(forgotten).toEqual(["a", "b", "c"]);
  expect((await store.list("t", 10)).map(({ id }) => id)).toEqual(["long", "d", "open"]);
  expect((await store.list("t", 1, "long")).map(({ id }) => id)).toEqual(["d"]);
  expect(await store.byKey("t", "key of a")).toBeUndefined();
  expect((await store.byKey("t", "key of d"))?.id).toBe("d");
  expect(await store.get("u", "d")).toBeUndefined();
});

test("the log keeps the latest events and says when some are missing", () => {
  const log = createEventLog(4, () => 0);
  for (let count = 0; count < 6; count++) log.append({ kind: "stage-skip", stage: `${count}` });
  const idsAfter = (id: number): readonly [readonly number[], boolean] => {
    const { events, missed } = log.after(id);
    return [events.map((event) => event.id), missed];
  };
  expect(idsAfter(0)).toEqual([[4, 5, 6], true]);
  expect(idsAfter(3)).toEqual([[4, 5, 6], false]);
  expect(idsAfter(5)).toEqual([[6], false]);
  expect(idsAfter(6)).toEqual([[], false]);
  expect(idsAfter(99)).toEqual([[4, 5, 6], true]);
});
