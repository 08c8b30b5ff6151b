/** The result file of a benchmark: every cell, and what the cells say. Times of this machine stand in a file of their own. */

import { strict as assert } from "node:assert";
import { mean } from "../../measure/statistics.ts";
import type { CellResult, Metrics } from "../cell.ts";
import { policies } from "../../policy/policies.ts";
import type { PolicyEntry } from "../../policy/policy.ts";
import { baseline, isSharding, pickSubject, references } from "./policy-lists.ts";
import type { BenchResult } from "./run-bench.ts";
import { describeTold, isTold, rowName } from "./told.ts";
import {
  differenceOfMeans,
  differenceOfP95,
  meanRatio,
  p95OfRatios,
  pairUp,
  pooledP95Ratio,
  ratioOf,
  winRate,
  type Difference,
  type Pairing,
  type Runs,
} from "./statistics.ts";
import type { Interval } from "../../measure/interval.ts";

export type BenchFile = {
  readonly benchmark: string;
  /** Of the package, and a hash of the code that decides cells. */
  readonly version: string;
  readonly command: string;
  readonly time: "simulated";
  /** Where the graphs come from. */
  readonly data: string;
  readonly seeds: readonly number[];
  /** What each policy is. */
  readonly policies: Readonly<Record<string, string>>;
  readonly cells: readonly BenchFileCell[];
  readonly summary: readonly SummaryRow[];
  readonly paired: readonly PairedRow[];
};

type Place = { readonly cluster: string; readonly mode: string; readonly policy: string };

export type BenchFileCell = Place & {
  readonly seed: number;
  /** Of each workflow, in workflow order: latency over that under the baseline; null where one of both was abandoned. */
  readonly ratios: readonly (number | null)[];
  readonly latenciesUs: readonly (number | null)[];
  /** And metrics by their names. */
  readonly [metric: string]: string | number | readonly (number | null)[];
};

/** Ends of a 95% interval; null where one seed gives none. */
export type Ci95 = readonly [low: number, high: number] | null;

export type SummaryRow = Place & {
  readonly seeds: number;
  readonly workflows: number;
  readonly abandoned: number;
  /** Mean ratio to the baseline. */
  readonly mean: number;
  readonly ci95: Ci95;
  readonly pooledP95: number;
  readonly pooledP95Ci95: Ci95;
  readonly p95Ratio: number;
  /** Against each rival by name. */
  readonly winRates: Readonly<Record<string, number>>;
  /** Means over the seeds. */
  readonly metrics: Metrics;
};

/** Relative differences: -0.1 is a tenth less than the rival. */
export type PairedRow = Place & {
  readonly rival: string;
  /** Of mean ratios to the baseline. */
  readonly mean: number;
  readonly ci95: Ci95;
  readonly verdict: string;
  readonly pooledP95: number;
  readonly pooledP95Ci95: Ci95;
  readonly pooledP95Verdict: string;
  readonly winRate: number;
  /** Mean ratio of the policy's latencies to the rival's. */
  readonly ratio: number;
  readonly ratioCi95: Ci95;
};

/** Metrics that a cell keeps; the others follow from these or are 0 here. With bounds there is `meanOverBound` too. */
const keptMetrics = [
  "ended",
  "abandoned",
  "makespanUs",
  "meanLatencyUs",
  "p95LatencyUs",
  "placementWaitUs",
  "loads",
  "prefetches",
  "swaps",
  "loadBytes",
  "transferBytes",
  "preemptions",
  "rejects",
  "plans",
  "promptTokens",
  "cachedTokens",
  "recomputedTokens",
  "cachedShare",
  "utilisation",
] as const;

export type About = Pick<BenchFile, "benchmark" | "version" | "command" | "data">;

export function toBenchFile(about: About, results: readonly BenchResult[]): BenchFile {
  const groups = toGroups(results);
  const seeds = [...new Set(results.map(({ spec }) => spec.seed))].sort((left, right) => left - right);
  const names = [...new Set(results.map(rowName))];
  const summaries: Readonly<Record<string, PolicyEntry>> = policies;
  const { benchmark, version, command, data } = about;
  return {
    benchmark,
    version,
    command,
    time: "simulated",
    data,
    seeds,
    policies: Object.fromEntries(names.map((name) => [name, describeTold(name) ?? summaries[name]?.summary ?? ""])),
    cells: groups.flatMap(toCells),
    summary: groups.flatMap(toSummary),
    paired: groups.flatMap(toPaired),
  };
}

export type BenchGroup = {
  readonly cluster: string;
  readonly mode: string;
  /** In the order of the cells, the baseline first; results by seed. */
  readonly byPolicy: ReadonlyMap<string, readonly BenchResult[]>;
};

/** In the order in which they first come up. */
export function toGroups(results: readonly BenchResult[]): readonly BenchGroup[] {
  const grouped = Map.groupBy(results, ({ cluster, mode }) => JSON.stringify([cluster, mode]));
  return [...grouped.values()].flatMap((own) => {
    const [first] = own;
    if (first === undefined) return [];
    return { cluster: first.cluster, mode: first.mode, byPolicy: Map.groupBy(own, rowName) };
  });
}

function toRuns(policy: string, results: readonly BenchResult[] = []): Runs {
  return { policy, latenciesUs: results.map(({ result }) => result.latenciesUs) };
}

function runsOf({ byPolicy }: BenchGroup): ReadonlyMap<string, Runs> {
  const runs = new Map([...byPolicy].map(([policy, results]) => [policy, toRuns(policy, results)] as const));
  assert(runs.has(baseline), `${baseline} ran in every group`);
  return runs;
}

function toCells(group: BenchGroup): readonly BenchFileCell[] {
  const yardstick = group.byPolicy.get(baseline) ?? [];
  return [...group.byPolicy].flatMap(([policy, results]) =>
    results.map(({ spec, result }, index): BenchFileCell => {
      const others = yardstick[index]?.result.latenciesUs ?? [];
      return {
        cluster: group.cluster,
        mode: group.mode,
        policy,
        seed: spec.seed,
        ...toKept(result),
        ratios: result.latenciesUs.map((own, workflow) => {
          const other = others[workflow] ?? null;
          return own === null || other === null ? null : round(ratioOf(own, other));
        }),
        latenciesUs: result.latenciesUs,
      };
    }),
  );
}

function toKept({ metrics, latenciesUs, boundsUs }: CellResult): Metrics {
  const kept = keptMetrics.map((name) => [name, round(metrics[name] ?? 0)] as const);
  if (boundsUs === undefined) return Object.fromEntries(kept);
  const overBounds = latenciesUs.flatMap((latencyUs, workflow) =>
    latencyUs === null ? [] : ratioOf(latencyUs, boundsUs[workflow] ?? 0),
  );
  return Object.fromEntries([...kept, ["meanOverBound", round(mean(overBounds))]]);
}

function toSummary(group: BenchGroup): readonly SummaryRow[] {
  const runs = runsOf(group);
  const yardstick = runs.get(baseline) as Runs;
  const rivals = pickRivals(runs);
  return [...runs.values()].map((own): SummaryRow => {
    const { policy } = own;
    const pairing = pairUp(own, yardstick);
    const results = group.byPolicy.get(policy) ?? [];
    const average = meanRatio(pairing);
    const pooled = pooledP95Ratio(pairing, aboutOf(group, policy, baseline));
    const kept = results.map(({ result }) => toKept(result));
    // What is told the lengths wins nothing.
    const beaten = isTold(policy) ? [] : [...new Set([baseline, ...rivals])].filter((rival) => rival !== policy);
    return {
      cluster: group.cluster,
      mode: group.mode,
      policy,
      seeds: results.length,
      workflows: pairing.ratios.flat().length,
      abandoned: own.latenciesUs.flat().filter((latencyUs) => latencyUs === null).length,
      mean: round(average.mean),
      ci95: toCi95(average),
      pooledP95: round(pooled.mean),
      pooledP95Ci95: toCi95(pooled),
      p95Ratio: round(p95OfRatios(pairing)),
      winRates: Object.fromEntries(
        beaten.map((rival) => [rival, round(winRate(pairUp(own, runs.get(rival) as Runs)))]),
      ),
      metrics: Object.fromEntries(
        Object.keys(kept[0] ?? {}).map((name) => [name, round(mean(kept.map((metrics) => metrics[name] ?? 0)))]),
      ),
    };
  });
}

/** Every policy against its rivals and the subject, and the subject against all. What is told the lengths is no policy. */
function toPaired(group: BenchGroup): readonly PairedRow[] {
  const runs = new Map([...runsOf(group)].filter(([policy]) => !isTold(policy)));
  const yardstick = runs.get(baseline) as Runs;
  const rivals = pickRivals(runs);
  const subject = pickSubject([...runs.keys()]);
  const toBaseline = new Map([...runs].map(([policy, own]) => [policy, pairUp(own, yardstick)] as const));
  return [...runs.values()].flatMap((own) =>
    [...runs.values()]
      .filter(
        ({ policy }) =>
          policy !== own.policy && (own.policy === subject || policy === subject || rivals.includes(policy)),
      )
      .map((rival): PairedRow => {
        const pairing = pairUp(own, rival);
        const about = aboutOf(group, own.policy, rival.policy);
        const means = differenceOfMeans(toBaseline.get(own.policy) as Pairing, toBaseline.get(rival.policy) as Pairing);
        const pooled = differenceOfP95(pairing, about);
        const ratio = meanRatio(pairing);
        return {
          cluster: group.cluster,
          mode: group.mode,
          policy: own.policy,
          rival: rival.policy,
          ...toDifference(means),
          pooledP95: round(pooled.mean),
          pooledP95Ci95: toCi95(pooled),
          pooledP95Verdict: pooled.verdict,
          winRate: round(winRate(pairing)),
          ratio: round(ratio.mean),
          ratioCi95: toCi95(ratio),
        };
      }),
  );
}

function toDifference(difference: Difference): Pick<PairedRow, "mean" | "ci95" | "verdict"> {
  return { mean: round(difference.mean), ci95: toCi95(difference), verdict: difference.verdict };
}

/** The references, and of the policies that do not split stages the one with the lowest mean ratio. */
function pickRivals(runs: ReadonlyMap<string, Runs>): readonly string[] {
  const yardstick = runs.get(baseline) as Runs;
  let strongest: string | undefined;
  let least = Infinity;
  for (const [policy, own] of runs) {
    if (policy === baseline || isSharding(policy) || isTold(policy)) continue;
    const ratio = meanRatio(pairUp(own, yardstick)).mean;
    if (ratio < least) [strongest, least] = [policy, ratio];
  }
  return [...references.filter((policy) => runs.has(policy)), ...(strongest === undefined ? [] : [strongest])];
}

function aboutOf({ cluster, mode }: BenchGroup, policy: string, rival: string): string {
  return [cluster, mode, policy, rival].join("/");
}

function toCi95({ low, high }: Interval): Ci95 {
  return Number.isFinite(low) && Number.isFinite(high) ? [round(low), round(high)] : null;
}

/** Whole numbers as they are, others to five digits. */
export function round(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(5));
}

/** One cell a line, so that a diff shows what changed. */
export function renderBenchFile({ cells, summary, paired, ...head }: BenchFile): string {
  const fields = Object.entries(head).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)},\n`);
  const lists = Object.entries({ cells, summary, paired }).map(
    ([name, list]) =>
      `  ${JSON.stringify(name)}: [\n${list.map((item) => `    ${JSON.stringify(item)}`).join(",\n")}\n  ]`,
  );
  return `{\n${fields.join("")}${lists.join(",\n")}\n}\n`;
}
