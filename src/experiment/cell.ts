/** A cell of an experiment: one policy on one workload and cluster with one seed, and the numbers that come of it. */

import { basename } from "node:path";
import type { policies } from "../policy/policies.ts";
import type { Faults } from "../sim/faults.ts";
import type { AgentsSource } from "./agents/source.ts";
import type { PlanSteps } from "./plan-times.ts";
import type { RealDagSource } from "./real-dag.ts";

export type PolicyName = keyof typeof policies;

/** Plain data, so that it can be handed to a worker and written into a result file. */
export type CellSpec = {
  readonly workload: WorkloadSource | BenchmarkSource;
  /** A name of the catalogue, or the path of a description. */
  readonly cluster: string;
  /** What differs from that description; nothing if absent. */
  readonly change?: ClusterChange;
  readonly policy: PolicyName;
  /** Decides the luck of the policy and the faults, and the workload where it is generated. */
  readonly seed: number;
  readonly faults: Faults;
  /** Hold the run against the laws too. */
  readonly check: boolean;
  /** The policy is shown lengths, times and branches as they will come true: what runs is none that anybody could have. */
  readonly told?: true;
  /** Find out what no policy could undercut, too. */
  readonly bounds?: true;
  /** Where the journal goes; nowhere if absent. */
  readonly journal?: string;
};

export type ClusterChange = {
  /** Sequences side by side on each engine, by continuous batching. */
  readonly batched?: number;
  /** Speed of loading weights, times this. */
  readonly load?: number;
  /** Speed of links and store, times this. */
  readonly links?: number;
  /** Transfers over one way do not wait for each other. */
  readonly contention?: "none";
};

export type GeneratedSource = {
  readonly kind: "generated";
  readonly families: readonly string[];
  readonly count: number;
  /** A Poisson stream; all at once if absent. */
  readonly ratePerSecond?: number;
  /** Each workflow arrives when the one before it has ended. */
  readonly oneAtATime?: boolean;
  /** For families that call one model only. */
  readonly model?: string;
  /** For families with a choice: the part of each prompt that others share. */
  readonly sharedShare?: number;
  /** Standard deviation of the logarithm of estimated over actual length. */
  readonly error?: number;
};

export type WorkloadSource =
  | GeneratedSource
  | {
      readonly kind: "file";
      readonly path: string;
      readonly format: string;
      /** The model of all calls of a trace. */
      readonly model?: string;
      /** Of recorded sessions: models by a part of the name in the trace, a bound on prompts, a factor on all lengths. */
      readonly modelsByName?: Readonly<Record<string, string>>;
      readonly maxPromptTokens?: number;
      readonly tokenScale?: number;
      readonly limit?: number;
      /** A Poisson stream; as the file says if absent. */
      readonly ratePerSecond?: number;
    };

/** Workloads of `fate bench`. */
export type BenchmarkSource = RealDagSource | AgentsSource;

/** Numbers by name; units are in the names. */
export type Metrics = Readonly<Record<string, number>>;

export type CellResult = {
  readonly spec: CellSpec;
  /** How the workload calls itself. */
  readonly workload: string;
  readonly metrics: Metrics;
  /** Of each workflow, in the order of the workload; null where it was abandoned. */
  readonly latenciesUs: readonly (number | null)[];
  /** Of agents: latency over standalone latency of each workflow, in the order of the workload; null where it was abandoned. */
  readonly ratios?: readonly (number | null)[];
  /** What the latency of each workflow cannot undercut, where that was asked for. */
  readonly boundsUs?: readonly number[];
  /** What whoever asked for the run should know about it. */
  readonly notes: readonly string[];
  /** One line for each broken law, bounded. */
  readonly violations: readonly string[];
  /** Wall time, which no two runs share: never part of a table or a result file. */
  readonly wall: {
    readonly totalMs: number;
    readonly planMs: number;
    readonly plans: number;
    /** How long each plan took. */
    readonly planSteps: PlanSteps;
  };
};

/** The workload without what the seed decides. */
export function sourceName(source: WorkloadSource | BenchmarkSource): string {
  if (source.kind === "real-dag") return source.kind;
  if (source.kind === "agents") return source.workload;
  return source.kind === "file" ? basename(source.path) : source.families.join("+");
}
