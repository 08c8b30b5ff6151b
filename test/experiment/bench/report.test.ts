import { describe, expect, test } from "vitest";
import { renderBenchFile, toBenchFile } from "../../../src/experiment/bench/bench-file.ts";
import { benchmarks } from "../../../src/experiment/bench/benchmarks.ts";
import { toDecisionTimes } from "../../../src/experiment/bench/decision-times.ts";
import { toReport } from "../../../src/experiment/bench/report.ts";
import { toPages } from "../../../src/experiment/bench/report-parts.ts";
import type { BenchResult } from "../../../src/experiment/bench/run-bench.ts";
import type { PolicyName } from "../../../src/experiment/cell.ts";

/** Latencies relative to the baseline's. Names need not be in the table yet. */
const speeds = { "round-robin": 1, "greedy-finish-sharded": 0.5, heft: 0.75, fate: 0.25, "fate-residency": 0.375 };

/** Four workflows of 8 to 32 seconds, a bit longer with each seed. */
function results(mode: string): readonly BenchResult[] {
  return [1, 2, 3].flatMap((seed) =>
    Object.entries(speeds).map(([policy, speed]): BenchResult => {
      const spec = {
        workload: { kind: "real-dag", count: 4 },
        cluster: "hetero-8",
        policy: policy as PolicyName,
        seed,
        faults: {},
        check: false,
      } as const;
      const latenciesUs = [8, 16, 24, 32].map((seconds) => seconds * seed * speed * 1e6);
      const wall = { totalMs: 9, planMs: 6, plans: 3, planSteps: [[14, 3]] } as const;
      const result = { spec, workload: "w", metrics: { loads: 7 }, latenciesUs, notes: [], violations: [], wall };
      return { cluster: "hetero-8", mode, spec, result };
    }),
  );
}

const about = { benchmark: "b", version: "1+abc", command: "fate bench b", data: "Made up" };
const all = [...results("solo"), ...results("share-0.50")];
const file = toBenchFile(about, all);

test("cells carry ratios in workflow order, and the summary what follows from them", () => {
  expect(file.cells.find(({ policy, seed }) => policy === "heft" && seed === 2)).toMatchObject({
    mode: "solo",
    loads: 7,
    ratios: [0.75, 0.75, 0.75, 0.75],
    latenciesUs: [12e6, 24e6, 36e6, 48e6],
  });
  expect(file.summary.find(({ policy }) => policy === "fate")).toMatchObject({
    seeds: 3,
    workflows: 12,
    mean: 0.25,
    ci95: [0.25, 0.25],
    pooledP95: 0.25,
    winRates: { "round-robin": 1, "greedy-finish-sharded": 1, heft: 1 },
  });
});

test("rivals are the reference and the strongest that does not split stages; the project's policy meets all", () => {
  const rivalsOf = (name: string): readonly string[] =>
    file.paired.filter(({ mode, policy }) => mode === "solo" && policy === name).map(({ rival }) => rival);
  expect(rivalsOf("round-robin")).toEqual(["greedy-finish-sharded", "heft", "fate"]);
  expect(rivalsOf("fate")).toEqual(["round-robin", "greedy-finish-sharded", "heft", "fate-residency"]);
  expect(file.paired.find(({ policy, rival }) => policy === "fate" && rival === "heft")).toMatchObject({
    mean: -0.66667,
    verdict: "less",
    pooledP95: -0.66667,
    ratio: 0.33333,
    winRate: 1,
  });
});

test("the file has a cell a line and reads back", () => {
  const text = renderBenchFile(file);
  expect(JSON.parse(text)).toEqual(file);
  expect(text.split("\n").filter((line) => line.includes('"latenciesUs"'))).toHaveLength(all.length);
});

const ofLatencies = Object.entries(benchmarks).flatMap(([name, { summary, report }]) =>
  report === "agents" ? [] : [[name, { summary, report }] as const],
);

describe.each(ofLatencies)("the report of %s", (name, benchmark) => {
  const pages = toPages(toReport({ ...file, benchmark: name }, benchmark, toDecisionTimes(all)));

  test("has tables and plots, and no number that is none", () => {
    const [page, ...plots] = pages;
    expect(page?.name).toBe(`${name}.md`);
    expect(page?.text).toContain("fate bench b");
    expect(page?.text).toContain("simulated");
    expect(page?.text).toContain("| fate | 0.250 ± 0.000 | 0.250 ± 0.000 | 0.250 |");
    expect(page?.text).toContain("| 2.00 |");
    expect(plots.length).toBeGreaterThan(0);
    for (const { name: plot, text } of pages) {
      expect(text).not.toMatch(/NaN|undefined|Infinity/);
      if (plot.endsWith(".svg")) expect(page?.text).toContain(`](${plot})`);
    }
  });
});

test("an ablation says by how much latencies grow without the part", () => {
  const [page] = toPages(toReport(file, { summary: "s", report: "ablation" }, []));
  expect(page?.text).toContain("| fate-residency | +50.0% ± 0.0 | +50.0% ± 0.0 | +50.0% ± 0.0 | +50.0% ± 0.0 |");
});
