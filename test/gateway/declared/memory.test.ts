import { expect, test } from "vitest";
import { newRecord, type DeclaredRun } from "../../../src/gateway/declared/declared-run.ts";
import { createEventLog } from "../../../src/gateway/declared/event-log.ts";
import { createGate } from "../../../src/gateway/declared/gate.ts";
import { createKeptRuns } from "../../../src/gateway/declared/kept-runs.ts";

function run(id: string, text: string): DeclaredRun {
  return {
    id,
    tenant: "t",
    holding: { owner: "o", generation: 0 },
    workflow: { inputs: {}, stages: [], outputs: [] },
    status: "succeeded",
    createdMs: 0,
    stages: new Map([["s", { ...newRecord("s", "llm"), text }]]),
  };
}

test("of runs that are over the latest are kept, by number and by size", () => {
  const kept = createKeptRuns({ maxRuns: 3, maxCharacters: 10 });
  const log = createEventLog(4, () => 0, 0);
  const ids = (): string => ["a", "b", "c", "d", "long"].filter((id) => kept.get(id) !== undefined).join(" ");
  for (const id of ["a", "b", "c", "d"]) kept.add(run(id, "x"), log);
  expect(ids()).toBe("b c d");
  kept.add(run("long", "x".repeat(9)), log);
  expect(ids()).toBe("d long");
  expect(kept.get("d")?.run.id).toBe("d");
});

test.each([
  ["from the start", 0, 0],
  ["taken up for the second time", 2, 2_000_000_000],
])("the log of a run %s keeps the latest events and says when some are missing", (_, generation, base) => {
  const log = createEventLog(4, () => 0, generation);
  const after = (id: number): string => {
    const found = log.after(base + id);
    return found.kind === "missed"
      ? `missed, go on after ${found.goOnAfter - base}`
      : found.events.map((event) => event.id - base).join(" ");
  };
  expect(after(0)).toBe("");
  for (let count = 0; count < 6; count++) log.append({ kind: "stage-skip", stage: `${count}` });
  expect([after(0), after(2), after(3), after(5), after(6)]).toEqual([
    "missed, go on after 6",
    "missed, go on after 6",
    "4 5 6",
    "6",
    "",
  ]);
  expect(after(99)).toBe("missed, go on after 6");
  log.close();
  expect(after(0)).toBe("missed, go on after 5");
});

test("what was told by an earlier carrier of the run is missed", () => {
  const log = createEventLog(4, () => 0, 1);
  for (const id of [0, 7, 1_000_000_000 - 1]) expect(log.after(id)).toEqual({ kind: "missed", goOnAfter: 1e9 });
  expect(log.after(1e9)).toEqual({ kind: "events", events: [] });
});

test("a gate lets so many in, in order, and whoever leaves makes room", () => {
  const gate = createGate(2);
  const entered: string[] = [];
  const guests = new Map(["a", "b", "c", "d", "e"].map((name) => [name, { name }]));
  const leave = (name: string): void => gate.leave(guests.get(name) ?? {});
  for (const [name, guest] of guests) gate.come(guest, () => entered.push(name));
  expect([entered.join(""), gate.waiting()]).toEqual(["ab", 3]);
  leave("c");
  leave("a");
  leave("a");
  expect([entered.join(""), gate.waiting()]).toEqual(["abd", 1]);
});

test("a crowd of which each leaves as soon as it is in gets through", () => {
  const gate = createGate(1);
  let count = 0;
  const first = {};
  gate.come(first, () => {});
  for (let at = 0; at < 20_000; at++) {
    const guest = {};
    gate.come(guest, () => {
      count += 1;
      gate.leave(guest);
    });
  }
  gate.leave(first);
  expect([count, gate.waiting()]).toEqual([20_000, 0]);
});
