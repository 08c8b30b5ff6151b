/** The result file of the benchmark `agents`: every cell, and what the cells say. */

import { policies } from "../../../policy/policies.ts";
import type { PolicyEntry } from "../../../policy/policy.ts";
import { meanInterval } from "../../../measure/interval.ts";
import { mean } from "../../../measure/statistics.ts";
import { requiredScale } from "../../agents/outcome.ts";
import type { Metrics } from "../../cell.ts";
import { round, type About, type Ci95 } from "../bench-file.ts";
import type { BenchResult } from "../run-bench.ts";
import { differences, measures, toCi95, toContrast, type Contrast, type Measure, type Runs } from "./contrast.ts";
import { meanOf, toAgentsGroups, type AgentsGroup, type AgentsPlace } from "./groups.ts";
import { toOverall, type OverallRow } from "./overall.ts";
import { isAblation, isBeyond, subject } from "./policies.ts";

export type AgentsFile = {
  readonly benchmark: string;
  /** Of the package, and a hash of the code that decides cells. */
  readonly version: string;
  readonly command: string;
  readonly time: "simulated";
  readonly data: string;
  readonly seeds: readonly number[];
  /** What each policy is. */
  readonly policies: Readonly<Record<string, string>>;
  readonly cells: readonly AgentsCell[];
  readonly summary: readonly AgentsSummary[];
  readonly paired: readonly AgentsPair[];
  readonly overall: readonly OverallRow[];
};

type Own = AgentsPlace & { readonly policy: string };

export type AgentsCell = Own & {
  readonly seed: number;
  /** Null: reached at no scale. */
  readonly req95: number | null;
  readonly req99: number | null;
  readonly max: number | null;
  readonly mean: number;
  /** The SLO scale needed at each of the shares `attainedShares`; null: reached at no scale. */
  readonly scales: readonly (number | null)[];
  /** And metrics by their names. */
  readonly [metric: string]: string | number | null | readonly (number | null)[];
};

export type AgentsSummary = Own & {
  readonly seeds: number;
  readonly workflows: number;
  readonly abandoned: number;
  /** Means over the seeds; null where one of them is infinite. */
  readonly mean: number | null;
  readonly ci95: Ci95;
  readonly req95: number | null;
  readonly req95Ci95: Ci95;
  readonly req99: number | null;
  readonly req99Ci95: Ci95;
  readonly max: number | null;
  readonly metrics: Metrics;
};

/** Of the subject against another policy, or of another form of the subject against it. */
export type AgentsPair = Own & { readonly rival: string } & Readonly<Record<Measure, Contrast>>;

/** Metrics that a cell keeps, and all that begin as `classMetric` says. */
const keptMetrics = [
  "abandoned",
  "makespanUs",
  "placementWaitUs",
  "queueWaitUs",
  "kvMeanShare",
  "kvPeakShare",
  "kvTransfers",
  "kvTransferWaitUs",
  "cachedShare",
  "utilisation",
  "preemptions",
  "rejects",
  "plans",
  "fairness",
  "boundReq95",
  "boundReq99",
  "boundReq95WithRoles",
  "boundReq99WithRoles",
] as const;
const classMetric = /^(mean|p95)\./;

/** Where the curve of attainment is kept: every whole percent of its upper part, where tails are. */
export const attainedShares: readonly number[] = Array.from({ length: 41 }, (_, index) => (60 + index) / 100);

export function toAgentsFile(about: About, results: readonly BenchResult[]): AgentsFile {
  const groups = toAgentsGroups(results);
  const names = [...new Set(results.map(({ spec }) => spec.policy))];
  const summaries: Readonly<Record<string, PolicyEntry>> = policies;
  const { benchmark, version, command, data } = about;
  return {
    benchmark,
    version,
    command,
    time: "simulated",
    data,
    seeds: [...new Set(results.map(({ spec }) => spec.seed))].sort((left, right) => left - right),
    policies: Object.fromEntries(names.map((name) => [name, summaries[name]?.summary ?? ""])),
    cells: groups.flatMap(({ place, byPolicy }) =>
      [...byPolicy.values()].flat().map((result) => toCell(place, result)),
    ),
    summary: groups.flatMap(toSummary),
    paired: groups.flatMap(toPairs),
    overall: toOverall(groups),
  };
}

function toCell(place: AgentsPlace, { spec, result }: BenchResult): AgentsCell {
  const ratios = result.ratios ?? [];
  return {
    ...place,
    policy: spec.policy,
    seed: spec.seed,
    req95: finite(requiredScale(ratios, 0.95)),
    req99: finite(requiredScale(ratios, 0.99)),
    max: finite(requiredScale(ratios, 1)),
    mean: round(meanOf(ratios)),
    ...toKept(result.metrics),
    scales: toScales(ratios),
  };
}

/** As a cell keeps them. */
export function toScales(ratios: readonly (number | null)[]): readonly (number | null)[] {
  return attainedShares.map((share) => finite(requiredScale(ratios, share)));
}

function toKept(metrics: Metrics): Metrics {
  const names = [...keptMetrics, ...Object.keys(metrics).filter((name) => classMetric.test(name))];
  return Object.fromEntries(
    names.flatMap((name) => (metrics[name] === undefined ? [] : [[name, round(metrics[name])] as const])),
  );
}

function toSummary({ place, byPolicy, runs }: AgentsGroup): readonly AgentsSummary[] {
  return runs.map(({ policy, values }): AgentsSummary => {
    const results = byPolicy.get(policy) ?? [];
    const all = results.map(({ result }) => result.ratios ?? []);
    const kept = results.map(({ result }) => toKept(result.metrics));
    const names = [...new Set(kept.flatMap((metrics) => Object.keys(metrics)))];
    return {
      ...place,
      policy,
      seeds: results.length,
      workflows: all.flat().length,
      abandoned: all.flat().filter((ratio) => ratio === null).length,
      mean: finite(mean(values.mean)),
      ci95: intervalOf(values.mean),
      req95: finite(mean(values.req95)),
      req95Ci95: intervalOf(values.req95),
      req99: finite(mean(values.req99)),
      req99Ci95: intervalOf(values.req99),
      max: finite(mean(all.map((list) => requiredScale(list, 1)))),
      metrics: Object.fromEntries(
        names.map((name) => [name, round(mean(kept.flatMap((metrics) => metrics[name] ?? [])))]),
      ),
    };
  });
}

function intervalOf(values: readonly number[]): Ci95 {
  return values.includes(Infinity) ? null : toCi95(meanInterval(values));
}

function toPairs({ place, runs }: AgentsGroup): readonly AgentsPair[] {
  const own = runs.find(({ policy }) => policy === subject);
  if (own === undefined) return [];
  return runs
    .filter((other) => other !== own)
    .map((other) => {
      const isForm = isAblation(other.policy) || isBeyond(other.policy);
      return isForm ? toPair(place, other, own) : toPair(place, own, other);
    });
}

function toPair(place: AgentsPlace, own: Runs, rival: Runs): AgentsPair {
  const [req95, req99, average] = measures.map((measure) =>
    toContrast(differences(own.values[measure], rival.values[measure])),
  ) as [Contrast, Contrast, Contrast];
  return { ...place, policy: own.policy, rival: rival.policy, req95, req99, mean: average };
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? round(value) : null;
}

/** One row a line, so that a diff shows what changed. */
export function renderAgentsFile({ cells, summary, paired, overall, ...head }: AgentsFile): string {
  const fields = Object.entries(head).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)},\n`);
  const lists = Object.entries({ cells, summary, paired, overall }).map(
    ([name, list]) =>
      `  ${JSON.stringify(name)}: [\n${list.map((row) => `    ${JSON.stringify(row)}`).join(",\n")}\n  ]`,
  );
  return `{\n${fields.join("")}${lists.join(",\n")}\n}\n`;
}
