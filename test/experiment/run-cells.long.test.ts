import { expect, test } from "vitest";
import type { CellSpec } from "../../src/experiment/cell.ts";
import { runCells } from "../../src/experiment/run-cells.ts";

const cell = (change: Partial<CellSpec>): CellSpec => ({
  workload: { kind: "file", path: "examples/workload.yaml", format: "auto" },
  cluster: "examples/cluster.yaml",
  policy: "round-robin",
  seed: 1,
  faults: {},
  check: true,
  ...change,
});
const cells = [1, 2, 3, 4, 5].flatMap((seed) => [cell({ seed }), cell({ seed, policy: "heft" })]);

test("results come in the order of the cells, whatever the number of workers", async () => {
  const numbers = async (workers: number) =>
    (await runCells(cells, { workers })).map(({ spec, metrics, violations }) => ({ spec, metrics, violations }));
  const alone = await numbers(1);
  expect(alone.map(({ spec }) => spec)).toEqual(cells);
  expect(await numbers(3)).toEqual(alone);
  expect(alone.flatMap(({ violations }) => violations)).toEqual([]);
});

test("progress counts up to the number of cells", async () => {
  const shares: number[] = [];
  await runCells(cells, { workers: 2, onProgress: ({ doneShare }) => shares.push(doneShare) });
  expect(shares.at(-1)).toBe(cells.length);
});

test("a cell that fails says which", async () => {
  const broken = cell({ workload: { kind: "file", path: "nowhere.yaml", format: "auto" } });
  await expect(runCells([broken], { workers: 1 })).rejects.toThrow("nowhere.yaml: found no such file");
});

test("an abort ends it", async () => {
  const interrupt = new AbortController();
  const running = runCells(cells, { workers: 1, signal: interrupt.signal });
  interrupt.abort(new Error("enough"));
  await expect(running).rejects.toThrow("enough");
});

test("nothing to run gives nothing", async () => {
  expect(await runCells([], { workers: 2 })).toEqual([]);
});
