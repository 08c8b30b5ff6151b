/** What a run of agents is judged by: each workflow's latency over its standalone latency, and the numbers that follow from these. */

import type { Journal } from "../../journal/journal.ts";
import { KvUseClock } from "../../measure/kv-use.ts";
import type { Measured } from "../../measure/measure.ts";
import { mean, nearestRank, sortNumbers } from "../../measure/statistics.ts";
import type { JournalEvent } from "../../model/event.ts";
import type { Workflow } from "../../model/workflow.ts";
import type { Metrics } from "../cell.ts";

export type AgentsOutcome = {
  /** In the order of the workload; null where a workflow was abandoned. */
  readonly ratios: readonly (number | null)[];
  readonly metrics: Metrics;
};

export type AgentsWatch = {
  readonly see: (event: JournalEvent) => void;
  readonly end: (measured: Measured) => AgentsOutcome;
};

export function watchAgents(header: Journal["header"], workflows: readonly Workflow[]): AgentsWatch {
  const clock = new KvUseClock(header);
  const decoding = new Set(header.cluster.engines.flatMap(({ id, role }) => (role === "prefill" ? [] : [id])));
  return {
    see: (event) => clock.see(event),
    end: (measured) => {
      const times = new Map(measured.workflows.map((own) => [own.workflow, own]));
      const ratios = workflows.map(({ id }) => {
        const own = times.get(id);
        return own?.outcome === "ended" ? own.ratio : null;
      });
      const { meanShare, peakShare } = clock.end((engine) => decoding.has(engine));
      return {
        ratios,
        metrics: { kvMeanShare: meanShare, kvPeakShare: peakShare, ...byClass(workflows, ratios) },
      };
    },
  };
}

/**
 * The smallest SLO scale at which this share of all workflows is on time: the ⌈share n⌉-th smallest of the n ratios of latency over
 * standalone latency, so always one of them. An abandoned workflow is on time at no scale: infinite if it comes to that.
 */
export function requiredScale(ratios: readonly (number | null)[], share: number): number {
  return nearestRank(sortNumbers(ratios.map((ratio) => ratio ?? Infinity)), share);
}

/**
 * Mean and P95 of the ratios of each class, and fairness: the largest P95 of a class over the smallest, 1 where all fare alike.
 * Nothing where there is but one class, and no P95 that is infinite.
 */
function byClass(workflows: readonly Workflow[], ratios: readonly (number | null)[]): Metrics {
  const classes = Map.groupBy(workflows.keys(), (index) => workflows[index]?.class ?? "");
  if (classes.size < 2) return {};
  const names = [...classes.keys()].sort();
  const own = names.map((name) => (classes.get(name) ?? []).map((index) => ratios[index] ?? null));
  const p95s = own.map((list) => requiredScale(list, 0.95));
  const all = [
    ...names.map(
      (name, index) => [`mean.${name}`, mean((own[index] ?? []).filter((ratio) => ratio !== null))] as const,
    ),
    ...names.map((name, index) => [`p95.${name}`, p95s[index] ?? Infinity] as const),
    ["fairness", Math.max(...p95s) / Math.min(...p95s)] as const,
  ];
  return Object.fromEntries(all.filter(([, value]) => Number.isFinite(value)));
}
