import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import { openCellStore } from "../../../src/experiment/bench/cell-store.ts";
import { createCodeHash } from "../../../src/experiment/bench/code-hash.ts";
import type { CellResult, CellSpec } from "../../../src/experiment/cell.ts";

const folder = mkdtempSync(join(tmpdir(), "fate-cells-"));
afterAll(() => rmSync(folder, { recursive: true }));

const spec = (seed: number, data = "here"): CellSpec => ({
  workload: { kind: "real-dag", count: 2, data },
  cluster: "tiny",
  policy: "heft",
  seed,
  faults: {},
  check: false,
});
const result = (seed: number): CellResult => ({
  spec: spec(seed),
  workload: "w",
  metrics: { loads: seed },
  latenciesUs: [seed, null],
  notes: [],
  violations: [],
  wall: { totalMs: 1, planMs: 1, plans: 1, planSteps: [[1, 1]] },
});

test("what was added is found again, wherever the data lie", () => {
  const path = join(folder, "deep", "cells.ndjson");
  openCellStore(path, "data").add(result(1));
  const store = openCellStore(path, "data");
  expect(store.find(spec(1))).toEqual(result(1));
  expect(store.find(spec(1, "there"))?.metrics).toEqual({ loads: 1 });
  expect(store.find(spec(2))).toBeUndefined();
  expect(openCellStore(path, "other data").find(spec(1))).toBeUndefined();
});

test("a torn last line is as if never written, and what follows is whole", () => {
  const path = join(folder, "torn.ndjson");
  const first = openCellStore(path, "");
  first.add(result(1));
  first.add(result(2));
  writeFileSync(path, readFileSync(path, "utf8").slice(0, -20));
  const again = openCellStore(path, "");
  expect([again.find(spec(1)), again.find(spec(2))]).toEqual([result(1), undefined]);
  again.add(result(3));
  const last = openCellStore(path, "");
  expect([1, 2, 3].map((seed) => last.find(spec(seed))?.spec.seed)).toEqual([1, undefined, 3]);
});

test("a place that is gone is named, with what is wrong there", () => {
  const gone = join(folder, "gone");
  const store = openCellStore(join(gone, "cells.ndjson"), "");
  rmSync(gone, { recursive: true });
  expect(() => store.add(result(1))).toThrow(
    `${join(gone, "cells.ndjson")}: found no such folder, expected a place to write to`,
  );
});

test("lines that make no sense are passed over", () => {
  const path = join(folder, "odd.ndjson");
  appendFileSync(path, 'null\n{"key":1}\n[]\n7\n\n');
  expect(openCellStore(path, "").find(spec(1))).toBeUndefined();
});

test("code is the same for all policies, but for those in a folder of their own", () => {
  const hash = createCodeHash();
  expect(hash("heft")).toBe(hash("kvflow"));
  expect(hash("fate")).toBe(hash("fate-residency"));
  expect(hash("heft")).toMatch(/^[0-9a-f]{64}$/);
});

test("cells of a policy depend on the folders that its own imports from", () => {
  const root = join(folder, "src");
  const files = {
    "experiment/cell-worker.ts": `import "../policy/policies.ts";`,
    "policy/policies.ts": `import "./fate/fate.ts"; import "./foresight/foresight.ts"; import "./heft.ts";`,
    "policy/heft.ts": "",
    "policy/fate/fate.ts": "",
    // By a way that leads through a file of no folder.
    "policy/foresight/foresight.ts": `import "../between.ts";`,
    "policy/between.ts": `export { plan } from "./fate/fate.ts";`,
  };
  for (const name of ["experiment", "policy/fate", "policy/foresight"])
    mkdirSync(join(root, name), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text);
  const names = ["heft", "fate", "foresight", "hexagent"];
  const hashes = (): readonly string[] =>
    names.map(createCodeHash(pathToFileURL(join(root, "experiment/cell-worker.ts"))));
  const changedBy = (name: string): readonly string[] => {
    const before = hashes();
    appendFileSync(join(root, name), "// changed");
    const after = hashes();
    return names.filter((_, index) => before[index] !== after[index]);
  };
  expect(changedBy("policy/heft.ts")).toEqual(names);
  expect(changedBy("policy/foresight/foresight.ts")).toEqual(["foresight"]);
  expect(changedBy("policy/fate/fate.ts")).toEqual(["fate", "foresight"]);
  expect(changedBy("policy/between.ts")).toEqual(["foresight"]);
});
