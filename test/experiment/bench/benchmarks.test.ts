import { describe, expect, test } from "vitest";
import { toCells, type Group, type Narrowing } from "../../../src/experiment/bench/benchmark.ts";
import { benchmarks } from "../../../src/experiment/bench/benchmarks.ts";
import { rowName } from "../../../src/experiment/bench/told.ts";

const plain = { training: false, check: false };
const keysOf = (groups: readonly Group[], narrowing: Narrowing, training = false): readonly string[] =>
  toCells(groups, narrowing, { training, check: false }).map((cell) => JSON.stringify(cell));

describe.each(Object.entries(benchmarks))("%s", (_, { groups, quick }) => {
  const own = groups("data");

  test("no two cells are of the same place, policy and seed", () => {
    const names = toCells(own, {}, plain).map((cell) =>
      [cell.cluster, cell.mode, rowName(cell), cell.spec.seed].join(),
    );
    expect(new Set(names).size).toBe(names.length);
  });

  test("foresight runs in every place, since its standing is to lack none", () => {
    expect(own.filter(({ policies }) => !policies.includes("foresight"))).toEqual([]);
  });

  test("--quick runs cells of the full run, and few of them", () => {
    const full = new Set(keysOf(own, {}));
    const few = keysOf(own, quick);
    expect(few.length).toBeGreaterThan(0);
    expect(few.length).toBeLessThan(30);
    expect(few.filter((key) => !full.has(key))).toEqual([]);
  });

  test("tuning and reporting share no seed, and otherwise run the same", () => {
    const report = keysOf(own, {}).map((key) => JSON.parse(key) as { spec: { seed: number } });
    const training = keysOf(own, {}, true).map((key) => JSON.parse(key) as { spec: { seed: number } });
    expect(training.map(({ spec }) => spec.seed)).toEqual(report.map(({ spec }) => spec.seed + 100));
    expect(Math.max(...report.map(({ spec }) => spec.seed))).toBeLessThanOrEqual(20);
  });
});

test("seeds that are asked for run, and no others, also beyond those of the benchmark", () => {
  const cells = toCells(
    benchmarks["real-dag"]?.groups(undefined) ?? [],
    { policies: ["heft"], modes: ["solo", "stream-0.15"], clusters: ["a100-8"], seeds: [3, 40] },
    plain,
  );
  const own = cells.filter(({ spec }) => spec.policy === "heft");
  expect(own.map(({ mode, spec }) => [mode, spec.seed])).toEqual([
    ["solo", 3],
    ["solo", 40],
    ["stream-0.15", 3],
    ["stream-0.15", 40],
  ]);
});

test("the baseline runs whatever policies are asked for", () => {
  const cells = toCells(
    benchmarks["real-dag"]?.groups(undefined) ?? [],
    { policies: ["heft"], modes: ["solo"], clusters: ["a100-8"], seeds: [3] },
    plain,
  );
  expect(cells.map(({ spec }) => [spec.policy, spec.seed])).toEqual([
    ["round-robin", 3],
    ["heft", 3],
  ]);
});
