/** A benchmark is a list of groups; a group is a list of policies on the same workloads, and becomes one table. */

import type { CellSpec, PolicyName } from "../cell.ts";
import { baseline } from "./policy-lists.ts";

export type Benchmark = {
  readonly summary: string;
  /** `data`: a directory of public data, if there is one. */
  readonly groups: (data: string | undefined) => readonly Group[];
  /** What `--quick` narrows it to. */
  readonly quick: Narrowing;
  /** Whether workloads come from public data where that is there. */
  readonly recorded: boolean;
  /** Of which its report shows two policies over time, if it ran. */
  readonly shown: { readonly cluster: string; readonly mode: string };
  /** How its report is laid out. */
  readonly report: "policies" | "shares" | "ablation" | "settings" | "agents";
};

export type Group = Pick<CellSpec, "workload" | "change"> & {
  readonly cluster: string;
  /** Name of the workload and of what else is particular. */
  readonly mode: string;
  readonly policies: readonly PolicyName[];
  /** Which of them run once more, told the lengths: unless other policies were asked for. */
  readonly told?: readonly PolicyName[];
  /** How many, from 1 to report on, or from 101 to tune on: unless others were asked for. */
  readonly seeds: number;
};

/** What is left out is not narrowed. */
export type Narrowing = {
  readonly clusters?: readonly string[] | undefined;
  readonly modes?: readonly string[] | undefined;
  /** Instead of those of the benchmark. */
  readonly policies?: readonly PolicyName[] | undefined;
  /** Of each group's policies only these, and those asked for. */
  readonly rivals?: ((group: Group) => readonly string[]) | undefined;
  /** Only groups that it holds of. */
  readonly undecided?: ((group: Group) => boolean) | undefined;
  /** Instead of those of the benchmark, too. */
  readonly seeds?: readonly number[] | undefined;
};

export type BenchCell = {
  readonly cluster: string;
  readonly mode: string;
  readonly spec: CellSpec;
};

/** Seeds to tune on are those to report on and this. */
export const trainingOffset = 100;

export type CellOptions = { readonly training: boolean; readonly check: boolean };

/**
 * The cells of a benchmark: group by group, and seed by seed inside, so that whatever ends early has whole comparisons.
 * The baseline is always among them, but for agents: their ratios are to what each workflow would take alone.
 */
export function toCells(groups: readonly Group[], narrowing: Narrowing, options: CellOptions): readonly BenchCell[] {
  const { clusters, modes, policies, rivals, undecided, seeds } = narrowing;
  return groups
    .filter(({ cluster, mode }) => (clusters?.includes(cluster) ?? true) && (modes?.includes(mode) ?? true))
    .filter((group) => undecided?.(group) ?? true)
    .flatMap((group) => {
      const always = group.workload.kind === "agents" ? [] : [baseline];
      const names = [...new Set([...always, ...chosenOf(group, narrowing)])];
      const own = seeds ?? seedsOf(group, options.training);
      const told = policies === undefined && rivals === undefined ? (group.told ?? []) : [];
      return own.flatMap((seed) => [
        ...names.map((policy) => toCell(group, policy, seed, options.check)),
        ...told.map((policy) => tell(toCell(group, policy, seed, options.check))),
      ]);
    });
}

function chosenOf(group: Group, { policies, rivals }: Narrowing): readonly PolicyName[] {
  if (rivals === undefined) return policies ?? group.policies;
  const names = new Set<string>([...(policies ?? []), ...rivals(group)]);
  return group.policies.filter((name) => names.has(name));
}

function seedsOf({ seeds }: Group, training: boolean): readonly number[] {
  return Array.from({ length: seeds }, (_, index) => index + 1 + (training ? trainingOffset : 0));
}

function toCell(group: Group, policy: PolicyName, seed: number, check: boolean): BenchCell {
  const { cluster, mode, workload, change } = group;
  return {
    cluster,
    mode,
    spec: {
      workload,
      cluster,
      ...(change === undefined ? {} : { change }),
      policy,
      seed,
      faults: {},
      check,
      ...(isMisjudged(workload) ? {} : { bounds: true }),
    },
  };
}

function tell({ spec, ...place }: BenchCell): BenchCell {
  return { ...place, spec: { ...spec, told: true } };
}

/** Errors of estimates change no bound, so that those of the same workload without error do. */
function isMisjudged(workload: CellSpec["workload"]): boolean {
  return workload.kind === "agents" && workload.error > 0;
}
