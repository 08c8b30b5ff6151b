import { describe, expect, test } from "vitest";
import { requiredScale } from "../../../src/experiment/agents/outcome.ts";
import { runCell } from "../../../src/experiment/run-cell.ts";

describe("the required SLO scale", () => {
  const ratios = Array.from({ length: 400 }, (_, index) => 1 + ((index * 7) % 400) / 100);

  test("is a ratio: the one up to which the share is on time", () => {
    expect(requiredScale(ratios, 0.95)).toBe(1 + 379 / 100);
    expect(requiredScale(ratios, 0.99)).toBe(1 + 395 / 100);
    expect(requiredScale(ratios, 1)).toBe(1 + 399 / 100);
    expect(ratios.filter((ratio) => ratio <= requiredScale(ratios, 0.95))).toHaveLength(380);
    expect(requiredScale([1, 2, 3], 0.95)).toBe(3);
  });

  test("counts what was abandoned as never on time", () => {
    const some = ratios.map((ratio, index) => (index < 8 ? null : ratio));
    expect(requiredScale(some, 0.98)).toBe(Math.max(...some.filter((ratio) => ratio !== null)));
    expect(requiredScale(some, 0.99)).toBe(Infinity);
  });
});

test("a run has ratios in workflow order, numbers by class, and how far KV memory was filled", () => {
  const workload = { kind: "agents", workload: "mixed", load: 3, error: 0, count: 12 } as const;
  const { ratios = [], metrics } = runCell({
    workload,
    cluster: "het3-kv",
    policy: "fcfs@least-loaded",
    seed: 1,
    faults: {},
    check: true,
  });
  expect(ratios).toHaveLength(12);
  const [most, average] = [
    Math.max(...ratios.map(Number)),
    ratios.reduce<number>((sum, ratio) => sum + (ratio ?? 0), 0) / 12,
  ];
  expect(metrics["p99Ratio"]).toBe(most);
  expect(metrics["meanRatio"]).toBeCloseTo(average, 12);
  const classes = Object.keys(metrics).filter((name) => name.startsWith("p95."));
  expect(classes.length).toBeGreaterThan(2);
  const p95s = classes.map((name) => metrics[name] ?? 0);
  expect(Math.max(...p95s)).toBe(requiredScale(ratios, 0.99));
  expect(metrics["fairness"]).toBe(Math.max(...p95s) / Math.min(...p95s));
  expect(metrics["kvPeakShare"]).toBeGreaterThan(metrics["kvMeanShare"] ?? 1);
  expect(metrics["kvPeakShare"]).toBeLessThanOrEqual(1);
  expect(metrics["boundReq95"]).toBeUndefined();
});
