import { expect, test } from "vitest";
import type { CellResult, PolicyName } from "../../src/experiment/cell.ts";
import { comparePolicies } from "../../src/experiment/compare.ts";
import { toTable } from "../../src/experiment/render-comparison.ts";
import { renderText } from "../../src/experiment/table.ts";

/** One cell for each latency, seeds from 1. */
function cells(policy: PolicyName, latencies: readonly number[]): CellResult[] {
  return latencies.map((seconds, index) => ({
    spec: {
      workload: { kind: "file", path: "w", format: "auto" },
      cluster: "tiny",
      policy,
      seed: index + 1,
      faults: {},
      check: false,
    },
    workload: "w",
    metrics: { meanLatencyUs: seconds * 1e6 },
    latenciesUs: [seconds * 1e6],
    notes: [],
    violations: [],
    wall: { totalMs: 0, planMs: 0, plans: 0, planSteps: [] },
  }));
}

const compared = comparePolicies(
  [
    ...cells("round-robin", [10, 20, 40]),
    ...cells("heft", [5, 11, 18]),
    ...cells("random", [9, 23, 41]),
    ...cells("least-loaded", [20, 41, 82]),
  ],
  "round-robin",
  "meanLatencyUs",
);

test("each policy is compared with the baseline seed by seed", () => {
  const verdicts = Object.fromEntries(compared.rows.map(({ policy, verdict }) => [policy, verdict]));
  expect(verdicts).toEqual({ "round-robin": "baseline", heft: "less", random: "tie", "least-loaded": "more" });
  expect(compared.rows[1]?.difference.mean).toBeCloseTo((-0.5 - 0.45 - 0.55) / 3, 12);
  expect(compared.rows[1]?.means["meanLatencyUs"]).toBeCloseTo(34e6 / 3, 3);
});

test("a tie is called one", () => {
  expect(renderText(toTable(compared, { bars: false }))).toMatch(/^random +24\.3 s +\+2\.5% ± \d+\.\d +tie\b/m);
});

test("seeds that change nothing give no interval", () => {
  const same = comparePolicies(
    [...cells("round-robin", [10, 10]), ...cells("heft", [5, 5]), ...cells("random", [9, 12])],
    "round-robin",
    "meanLatencyUs",
  );
  expect(same.rows.map(({ verdict }) => verdict)).toEqual(["baseline", "open", "tie"]);
});

test("one seed gives no interval and no verdict", () => {
  const one = comparePolicies([...cells("round-robin", [10]), ...cells("heft", [5])], "round-robin", "meanLatencyUs");
  expect(one.rows[1]).toMatchObject({ verdict: "open", difference: { mean: -0.5 } });
});
