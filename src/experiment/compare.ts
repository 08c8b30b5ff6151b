/** Policies against a baseline, paired: each policy ran the very workloads, with the very seeds, that the baseline ran. */

import { strict as assert } from "node:assert";
import { meanInterval, type Interval } from "../measure/interval.ts";
import type { CellResult, Metrics, PolicyName } from "./cell.ts";

export type Comparison = {
  readonly baseline: PolicyName;
  /** What `difference` is about. */
  readonly metric: string;
  readonly seeds: readonly number[];
  /** In the order of the cells. */
  readonly rows: readonly ComparisonRow[];
};

export type ComparisonRow = {
  readonly policy: PolicyName;
  /** Every metric, its mean over the seeds. */
  readonly means: Metrics;
  /** Relative difference to the baseline, seed by seed: -0.1 is a tenth less. */
  readonly difference: Interval;
  readonly verdict: Verdict;
};

/** `tie`: the interval holds 0. `open`: one seed, or seeds that changed nothing, give no interval. Less is better. */
export type Verdict = "baseline" | "less" | "more" | "tie" | "open";

/** The cells must be of one workload and one cluster. */
export function comparePolicies(cells: readonly CellResult[], baseline: PolicyName, metric: string): Comparison {
  const byPolicy = Map.groupBy(cells, ({ spec }) => spec.policy);
  const yardstick = byPolicy.get(baseline);
  assert(yardstick !== undefined, `no cell of the baseline ${baseline}`);
  const seeds = yardstick.map(({ spec }) => spec.seed);
  const rows = [...byPolicy].map(([policy, own]): ComparisonRow => {
    const differences = own.map((cell, index) => {
      const other = yardstick[index];
      assert(other !== undefined && other.spec.seed === cell.spec.seed, `${policy} and ${baseline} ran other seeds`);
      return relativeDifference(valueOf(cell, metric), valueOf(other, metric));
    });
    const difference = meanInterval(differences);
    return {
      policy,
      means: meansOf(own),
      difference,
      verdict: toVerdict(difference, areAllAlike([own, yardstick], metric), policy === baseline),
    };
  });
  return { baseline, metric, seeds, rows };
}

/** Nothing against nothing is no difference. */
function relativeDifference(value: number, other: number): number {
  return value === other ? 0 : value / other - 1;
}

/** One seed, or seeds that left nothing to chance, such as those of a workload file under policies that draw no luck. */
function areAllAlike(groups: readonly (readonly CellResult[])[], metric: string): boolean {
  return groups.every((cells) => new Set(cells.map((cell) => valueOf(cell, metric))).size === 1);
}

function toVerdict({ low, high }: Interval, allAlike: boolean, isBaseline: boolean): Verdict {
  if (isBaseline) return "baseline";
  if (allAlike) return "open";
  if (high < 0) return "less";
  return low > 0 ? "more" : "tie";
}

function meansOf(cells: readonly CellResult[]): Metrics {
  const names = Object.keys(cells[0]?.metrics ?? {});
  return Object.fromEntries(
    names.map((name) => [name, cells.reduce((sum, cell) => sum + valueOf(cell, name), 0) / cells.length]),
  );
}

function valueOf({ spec, metrics }: CellResult, name: string): number {
  const value = metrics[name];
  assert(value !== undefined, `${spec.policy}, seed ${spec.seed} has no metric ${name}`);
  return value;
}
