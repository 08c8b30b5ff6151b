/** A cell of an experiment: one policy on one workload and cluster with one seed, and the numbers that come of it. */

import { basename } from "node:path";
import type { policies } from "../policy/policies.ts";
import type { Faults } from "../sim/faults.ts";
import type { RealDagSource } from "./real-dag.ts";

export type PolicyName = keyof typeof policies;

/** Plain data, so that it can be handed to a worker and written into a result file. */
export type CellSpec = {
  readonly workload: WorkloadSource | BenchmarkSource;
  /** A name of the catalogue, or the path of a description. */
  readonly cluster: string;
  readonly policy: PolicyName;
  /** Decides the luck of the policy and the faults, and the workload where it is generated. */
  readonly seed: number;
  readonly faults: Faults;
  /** Hold the run against the laws too. */
  readonly check: boolean;
  /** Where the journal goes; nowhere if absent. */
  readonly journal?: string;
};

export type WorkloadSource =
  | {
      readonly kind: "generated";
      readonly families: readonly string[];
      readonly count: number;
      /** A Poisson stream; all at once if absent. */
      readonly ratePerSecond?: number;
      /** For families that call one model only. */
      readonly model?: string;
      /** For families with a choice: the part of each prompt that others share. */
      readonly sharedShare?: number;
      /** Standard deviation of the logarithm of estimated over actual length. */
      readonly error?: number;
    }
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
export type BenchmarkSource = RealDagSource;

/** Numbers by name; units are in the names. */
export type Metrics = Readonly<Record<string, number>>;

export type CellResult = {
  readonly spec: CellSpec;
  /** How the workload calls itself. */
  readonly workload: string;
  readonly metrics: Metrics;
  /** Of each workflow, in the order of the workload; null where it was abandoned. */
  readonly latenciesUs: readonly (number | null)[];
  /** What whoever asked for the run should know about it. */
  readonly notes: readonly string[];
  /** One line for each broken law, bounded. */
  readonly violations: readonly string[];
  /** Wall time, which no two runs share: never part of a table or a result file. */
  readonly wall: { readonly totalMs: number; readonly planMs: number; readonly plans: number };
};

/** The workload without what the seed decides. */
export function sourceName(source: WorkloadSource | BenchmarkSource): string {
  if (source.kind === "real-dag") return source.kind;
  return source.kind === "file" ? basename(source.path) : source.families.join("+");
}
