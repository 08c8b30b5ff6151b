import { describe, expect, test } from "vitest";
import type { Stage, Workflow } from "../../../src/model/workflow.ts";
import { policies } from "../../../src/policy/policies.ts";
import type { CellSpec } from "../../../src/experiment/cell.ts";
import { loadCell } from "../../../src/experiment/load.ts";
import { toBenchFile } from "../../../src/experiment/bench/bench-file.ts";
import { toCells } from "../../../src/experiment/bench/benchmark.ts";
import { benchmarks } from "../../../src/experiment/bench/benchmarks.ts";
import { toReport } from "../../../src/experiment/bench/report.ts";
import { toPages } from "../../../src/experiment/bench/report-parts.ts";
import type { BenchResult } from "../../../src/experiment/bench/run-bench.ts";
import { rowName, toldName } from "../../../src/experiment/bench/told.ts";

const name = toldName("foresight");

/** Without what is estimated. */
function truthOf({ stages, ...workflow }: Workflow): object {
  return { ...workflow, stages: stages.map(toTrue) };
}

function toTrue({ branch, ...stage }: Stage): object {
  const runs = branch?.runs ?? true;
  return stage.kind === "tool"
    ? { ...stage, runs, estimateUs: "?" }
    : { ...stage, runs, output: { ...stage.output, estimate: "?" } };
}

function misjudged(workflows: readonly Workflow[]): number {
  const stages = workflows.flatMap((workflow) => workflow.stages);
  return stages.filter(
    (stage) =>
      (stage.branch !== undefined && stage.branch.chance !== Number(stage.branch.runs)) ||
      (stage.kind === "tool" ? stage.estimateUs !== stage.actualUs : stage.output.estimate !== stage.output.actual),
  ).length;
}

/** A small workload of each kind; arrivals of a stream follow from the work that it is. */
const specs: readonly (readonly [string, CellSpec])[] = ["real-dag", "prefix-reuse", "sensitivity"].flatMap(
  (benchmark) => {
    const cells = toCells(
      benchmarks[benchmark]?.groups(undefined) ?? [],
      { seeds: [1], policies: ["foresight"] },
      plain(),
    );
    const modes = new Set(["solo", "stream-0.25", "solo-batched", "share-0.50", "deep-chains", "branches-0.3"]);
    return cells
      .filter(({ cluster, mode, spec }) => cluster === "hetero-8" && modes.has(mode) && spec.policy === "foresight")
      .map(({ mode, spec }) => [`${benchmark}, ${mode}`, { ...spec, workload: fewOf(spec.workload) }] as const);
  },
);

test.each(specs)("%s: what is told the lengths runs the very same workload", (_, spec) => {
  const usual = loadCell(spec);
  const told = loadCell({ ...spec, told: true });
  expect(misjudged(usual.workload.workflows)).toBeGreaterThan(0);
  expect(misjudged(told.workload.workflows)).toBe(0);
  expect(told.workload.workflows.map(truthOf)).toEqual(usual.workload.workflows.map(truthOf));
  expect({ ...told.workload, workflows: [] }).toEqual({ ...usual.workload, workflows: [] });
  expect([told.models, told.cluster]).toEqual([usual.models, usual.cluster]);
});

test("it runs beside its policy, but not where policies are asked for by name", () => {
  const groups = benchmarks["real-dag"]?.groups(undefined) ?? [];
  const narrowing = { clusters: ["a100-8"], modes: ["solo"], seeds: [3] };
  const names = toCells(groups, narrowing, plain()).map(rowName);
  expect(names.filter((each) => each === name)).toEqual([name]);
  expect(names).toContain("foresight");
  expect(toCells(groups, { ...narrowing, policies: ["foresight"] }, plain()).map(rowName)).toEqual([
    "round-robin",
    "foresight",
  ]);
});

describe("in a report", () => {
  // It is far ahead of all others, `foresight` is not.
  const speeds = { "round-robin": 1, heft: 0.5, "greedy-finish-sharded": 0.75, foresight: 0.625, [name]: 0.25 };
  const file = toBenchFile(
    { benchmark: "b", version: "1", command: "fate bench b", data: "Made up" },
    [1, 2, 3].flatMap((seed) => Object.entries(speeds).map(([row, speed]) => toResult(row, seed, speed))),
  );

  test("is the last row of its tables and wins nothing", () => {
    const [page] = toPages(toReport(file, { summary: "s", report: "policies" }, []));
    const tables = page?.text.split("\n\n").filter((part) => part.startsWith("| policy |")) ?? [];
    expect(tables.map((table) => table.trimEnd().split("\n").at(-1)?.startsWith(`| ${name} |`))).toEqual([
      true,
      true,
      true,
    ]);
    expect(tables[1]).toContain(`| ${name} | 0.250 ± 0.000 |`);
    expect(page?.text).toContain("is no policy but an upper yardstick");
    expect(file.summary.find(({ policy }) => policy === name)?.winRates).toEqual({});
  });

  test("is nobody's rival, and says that it is no policy", () => {
    expect(file.paired.filter(({ policy, rival }) => policy === name || rival === name)).toEqual([]);
    expect(file.paired.filter(({ policy }) => policy === "foresight").map(({ rival }) => rival)).toContain("heft");
    expect(file.policies[name]).toMatch(/^no policy: foresight shown/);
    expect(Object.keys(policies)).not.toContain(name);
  });
});

/** Two workflows of 8 and 16 seconds, longer with each seed. */
function toResult(row: string, seed: number, speed: number): BenchResult {
  const spec: CellSpec = {
    workload: { kind: "real-dag", count: 2 },
    cluster: "hetero-8",
    policy: (row === name ? "foresight" : row) as keyof typeof policies,
    seed,
    faults: {},
    check: false,
    ...(row === name ? { told: true } : {}),
  };
  const latenciesUs = [8, 16].map((seconds) => seconds * seed * speed * 1e6);
  const wall = { totalMs: 9, planMs: 6, plans: 3, planSteps: [[14, 3]] } as const;
  const result = { spec, workload: "w", metrics: { loads: 7 }, latenciesUs, notes: [], violations: [], wall };
  return { cluster: "hetero-8", mode: "solo", spec, result };
}

function fewOf(workload: CellSpec["workload"]): CellSpec["workload"] {
  return workload.kind === "file" ? workload : { ...workload, count: 2 };
}

function plain() {
  return { training: false, check: false };
}
