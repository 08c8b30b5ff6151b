import { describe, expect, test } from "vitest";
import { differences, pickStrongest, toContrast } from "../../../../src/experiment/bench/agents/contrast.ts";
import { renderAgentsFile, toAgentsFile } from "../../../../src/experiment/bench/agents/file.ts";
import { modeOf } from "../../../../src/experiment/bench/agents/groups.ts";
import { renderAgentsTables, toAgentsReport } from "../../../../src/experiment/bench/agents/report.ts";
import { toDecisionTimes } from "../../../../src/experiment/bench/decision-times.ts";
import { toPages } from "../../../../src/experiment/bench/report-parts.ts";
import type { BenchResult } from "../../../../src/experiment/bench/run-bench.ts";
import type { PolicyName } from "../../../../src/experiment/cell.ts";

/** How late workflows are, relative to the slowest. `srpt` is steady; the seeds of `las` differ. */
const paces: Readonly<Record<string, readonly [number, number, number]>> = {
  hexagent: [1, 1, 1],
  "fcfs@round-robin": [4, 4, 4],
  "fcfs@least-loaded": [2, 2, 2],
  "las@least-loaded": [1.25, 2, 1.5],
  "srpt@projected": [1.25, 1.25, 1.25],
  "las@projected": [0.5, 1, 1.5],
  "risk@least-loaded": [1.5, 1.5, 1.5],
  "hexagent-separate": [1, 1, 1],
};

const count = 100;

function results(cluster: string, workload: string, error: number, names = Object.keys(paces)): readonly BenchResult[] {
  return [0, 1, 2].flatMap((index) =>
    names.map((policy): BenchResult => {
      const source = { kind: "agents", workload, load: 3, error, count } as const;
      const spec = {
        workload: source,
        cluster,
        policy: policy as PolicyName,
        seed: index + 1,
        faults: {},
        check: false,
      };
      const pace = (paces[policy]?.[index] ?? 1) * (1 + error);
      const ratios = Array.from({ length: count }, (_, workflow) => (((workflow * 37) % count) + 1) * pace);
      const metrics = {
        kvMeanShare: 0.25,
        fairness: 1.5,
        "mean.chat": 2,
        boundReq95: 0.9,
        boundReq99: 0.95,
        workflows: 9,
      };
      const wall = { totalMs: 9, planMs: 6, plans: 3, planSteps: [[14, 3]] } as const;
      const result = { spec, workload: "w", metrics, latenciesUs: [], ratios, notes: [], violations: [], wall };
      return { cluster, mode: modeOf(source), spec, result };
    }),
  );
}

const about = { benchmark: "agents", version: "1+abc", command: "fate bench agents", data: "Made up" };
const withErrors = results("het1", "mixed", 0.1, ["hexagent", "srpt@projected"]);
const all = [...results("het1", "mixed", 0), ...results("homo", "chat", 0), ...withErrors];
const file = toAgentsFile(about, all);
const pairOf = (policy: string, rival: string) =>
  file.paired.find((row) => row.cluster === "het1" && row.error === 0 && row.policy === policy && row.rival === rival);

describe("a difference", () => {
  test("is a tie if its interval holds 0, and open with one seed", () => {
    expect(toContrast([-0.5, -0.4, -0.3])).toMatchObject({ difference: -0.4, verdict: "less" });
    expect(toContrast([0.3, 0.4, 0.5])).toMatchObject({ difference: 0.4, verdict: "more" });
    expect(toContrast([-0.5, 0, 0.3]).verdict).toBe("tie");
    expect(toContrast([-0.5])).toEqual({ difference: -0.5, ci95: null, verdict: "open" });
  });

  test("to what is never on time is all there is, and of two such nothing", () => {
    expect(differences([2, Infinity, Infinity, 3], [4, 5, Infinity, Infinity])).toEqual([-0.5, Infinity, 0, -1]);
    expect(toContrast([0, Infinity])).toEqual({ difference: null, ci95: null, verdict: "more" });
  });

  test("the strongest is the one whose mean is least, of equal ones the first", () => {
    const runs = [3, 2, 2].map((value, index) => ({
      policy: String(index),
      values: { req95: [value, value], req99: [value], mean: [-value] },
    }));
    expect(pickStrongest(runs, "req95")?.policy).toBe("1");
    expect(pickStrongest(runs, "mean")?.policy).toBe("0");
    expect(pickStrongest([], "mean")).toBeUndefined();
  });
});

test("cells have their keys, their order statistics and the scales needed along the curve", () => {
  const cell = file.cells.find(({ policy, seed }) => policy === "las@least-loaded" && seed === 2);
  expect(Object.keys(cell ?? {}).slice(0, 6)).toEqual(["cluster", "workload", "load", "error", "policy", "seed"]);
  expect(cell).toMatchObject({
    cluster: "het1",
    workload: "mixed",
    load: 3,
    error: 0,
    req95: 190,
    req99: 198,
    max: 200,
    mean: 101,
  });
  expect(cell?.scales).toHaveLength(41);
  expect([cell?.scales[0], cell?.scales[35], cell?.scales[39], cell?.scales[40]]).toEqual([120, 190, 198, 200]);
  expect(cell).toMatchObject({ kvMeanShare: 0.25, fairness: 1.5, "mean.chat": 2, boundReq95: 0.9 });
  expect(cell).not.toHaveProperty("workflows");
});

test("the summary has means over seeds with their intervals", () => {
  expect(file.summary.find(({ policy }) => policy === "fcfs@least-loaded")).toMatchObject({
    seeds: 3,
    workflows: 300,
    abandoned: 0,
    mean: 101,
    ci95: [101, 101],
    req95: 190,
    req95Ci95: [190, 190],
    req99: 198,
    max: 200,
  });
});

test("the subject meets every other, and its other forms meet it", () => {
  expect(pairOf("hexagent", "fcfs@round-robin")?.req95).toEqual({
    difference: -0.75,
    ci95: [-0.75, -0.75],
    verdict: "less",
  });
  expect(pairOf("hexagent", "las@projected")?.req99.verdict).toBe("tie");
  expect(pairOf("risk@least-loaded", "hexagent")?.mean).toMatchObject({ difference: 0.5, verdict: "more" });
  expect(pairOf("hexagent-separate", "hexagent")?.req95).toEqual({ difference: 0, ci95: [0, 0], verdict: "tie" });
  expect(pairOf("hexagent", "hexagent-separate")).toBeUndefined();
});

test("over all places the strongest of each placement is met, and single places that are worse are named", () => {
  const rowOf = (rival: string, scope: string, load: number | "all" = "all") =>
    file.overall.find(
      (row) => row.policy === "hexagent" && row.rival === rival && row.scope === scope && row.load === load,
    );
  // las is stronger than fcfs, and of the projected ones las than srpt; round-robin placement is neither.
  const differencesOfSeeds = [1 / 1.25 - 1, 1 / 2 - 1, 1 / 1.5 - 1];
  const mean = differencesOfSeeds.reduce((sum, each) => sum + each, 0) / 3;
  expect(rowOf("strongest@least-loaded", "all")).toMatchObject({ places: 2 });
  expect(rowOf("strongest@least-loaded", "all")?.req95.difference).toBeCloseTo(mean, 4);
  expect(rowOf("strongest@least-loaded", "heterogeneous", 3)).toMatchObject({ places: 1 });
  expect(rowOf("strongest@projected", "homo")?.req95).toMatchObject({ verdict: "tie", worstAt: "homo chat 3" });
  expect(rowOf("strongest@projected", "homo")?.req95.worst).toBeCloseTo((1 + 0 - 1 / 3) / 3, 4);
});

test("what was abandoned may put a scale out of reach, which is no number", () => {
  const some = results("het1", "mixed", 0).map((each) =>
    each.spec.policy === "fcfs@least-loaded" && each.spec.seed === 1
      ? {
          ...each,
          result: { ...each.result, ratios: each.result.ratios?.map((ratio, at) => (at < 3 ? null : ratio)) ?? [] },
        }
      : each,
  );
  const gaveUp = toAgentsFile(about, some);
  const row = gaveUp.summary.find(({ policy }) => policy === "fcfs@least-loaded");
  expect(row).toMatchObject({ abandoned: 3, req99: null, req99Ci95: null, max: null });
  expect(row?.req95).toBeGreaterThan(0);
  const page = toPages(toAgentsReport(gaveUp, []))[0]?.text ?? "";
  expect(page).toContain("| never |");
  expect(page).toContain("| abandoned |");
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
});

test("the file has a row a line and reads back", () => {
  const text = renderAgentsFile(file);
  expect(JSON.parse(text)).toEqual(file);
  expect(text.split("\n").filter((line) => line.includes('"scales"'))).toHaveLength(all.length);
});

describe("the report", () => {
  const pages = toPages(toAgentsReport(file, toDecisionTimes(all)));
  const [page] = pages;

  test("has tables and plots, and no number that is none", () => {
    expect(pages.map(({ name }) => name)).toEqual(["agents.md", "agents-parts.svg", "agents.svg", "agents-chat.svg"]);
    for (const { name, text } of pages) {
      expect(text).not.toMatch(/NaN|undefined|Infinity/);
      if (name.endsWith(".svg")) expect(page?.text).toContain(`](${name})`);
    }
    for (const part of ["fate bench agents", "simulated", "Seeds 1, 2, 3"]) expect(page?.text).toContain(part);
  });

  test("calls ties ties, and shows the strongest of each placement beside the bound", () => {
    expect(page?.text).toMatch(
      /\| mixed \| 3 \| 95\.00 \| 0\.90 \| las \| 150\.42 \| -34\.4% ± 37\.3 tie \| las \| 95\.00 \| \+22\.2% ± \S+ tie \|/,
    );
    expect(page?.text).toContain("| fcfs@round-robin | -75.0% |");
    expect(page?.text).toContain("| las@projected | tie (+22.2%) |");
  });

  test("says what each part and each error costs, and how long plans took", () => {
    expect(page?.text).toContain("| risk@least-loaded | 2 | +50.0% ± 0.0 | +50.0% (het1 mixed 3) |");
    expect(page?.text).toContain("| hexagent | 0.1 | +10.0% ± 0.0 | +10.0% ± 0.0 |");
    expect(page?.text).toMatch(
      /\| hexagent \| 95\.00 \| 99\.00 \| 100\.00 \| 50\.50 \| 1\.50 \| 25% \|.* 2\.000 \| \d\.\d\d \|/,
    );
  });

  test("fits a terminal", () => {
    const text = renderAgentsTables(file, 80);
    expect(text).toContain("het1, mixed-load-3-error-0.1: 3 seeds, 300 workflows");
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });
});

test("foresight is held against the subject, among what goes beyond its source", () => {
  const own = toAgentsFile(about, results("het1", "mixed", 0, ["hexagent", "foresight", "srpt@projected"]));
  const pairs = own.paired.map(({ policy, rival }) => [policy, rival]);
  expect(pairs).toEqual([
    ["foresight", "hexagent"],
    ["hexagent", "srpt@projected"],
  ]);
  const [page] = toPages(toAgentsReport(own, []));
  expect(page?.text).toMatch(/## Beyond the source\n[^#]*\| foresight \| 1 \| 0\.0% ± 0\.0 tie \|/);
});
