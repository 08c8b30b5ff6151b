/** Benchmark A with one parameter at a time far from its usual value: where policies gain, and where they do not. */

import type { ModelShare } from "../../trace/annotate/models.ts";
import type { CellSpec, ClusterChange } from "../cell.ts";
import type { RealDagSource } from "../real-dag.ts";
import type { Benchmark } from "./benchmark.ts";
import { fewInSettings, forSensitivity, inTable, told } from "./policy-lists.ts";

const count = 12;
const seeds = 8;

type Setting = {
  readonly vary?: NonNullable<RealDagSource["vary"]>;
  readonly change?: ClusterChange;
  /** A family of generated graphs instead of recorded ones. */
  readonly family?: string;
};

const llm = (model: string, share: number): ModelShare => ({ model, kind: "llm", share });

const twoModels: readonly ModelShare[] = [llm("llama-3.1-8b", 60), llm("qwen2.5-32b", 40)];

/** About as large on average as the usual six. */
const twelveModels: readonly ModelShare[] = [
  { model: "embed-1.2b", kind: "embed", share: 20 },
  llm("llama-3.1-8b", 10),
  llm("qwen3-8b", 10),
  llm("mistral-7b", 10),
  llm("phi-4-14.7b", 6),
  llm("qwen3-14b", 5),
  llm("gemma-3-12b", 5),
  llm("vision-10.6b", 10),
  llm("qwen2.5-32b", 5),
  llm("gemma-3-27b", 5),
  llm("qwen3-32b", 4),
  llm("llama-3.1-70b-fp8", 10),
];

/** Estimates are off by a log-normal factor with this deviation; the usual one is 0.4. */
const errors = [0, 0.1, 0.2, 0.3, 0.5] as const;

const settings: Readonly<Record<string, Setting>> = {
  usual: {},
  "deep-chains": { family: "deep-chain" },
  "high-fan-out": { family: "wide-fan" },
  "2-models": { vary: { models: twoModels } },
  "12-models": { vary: { models: twelveModels } },
  "loads-x0.25": { change: { load: 0.25 } },
  "loads-x4": { change: { load: 4 } },
  "links-x0.1": { change: { links: 0.1 } },
  "outputs-x100": { vary: { edgeBytesScale: 100 } },
  "no-contention": { change: { contention: "none" } },
  "outputs-x100-no-contention": { vary: { edgeBytesScale: 100 }, change: { contention: "none" } },
  "branches-0.3": { vary: { branches: { share: 0.3, chance: 0.5 } } },
  ...Object.fromEntries(errors.map((error) => [`error-${error.toFixed(1)}`, { vary: { error } }])),
};

export const sensitivity: Benchmark = {
  summary: "policies with one parameter at a time far from the usual",
  groups: (data) =>
    Object.entries(settings).map(([mode, { change, ...setting }]) => ({
      cluster: "hetero-8",
      mode,
      policies: inTable(forSensitivity),
      told: inTable(told),
      seeds,
      workload: toWorkload(setting, data),
      ...(change === undefined ? {} : { change }),
    })),
  quick: { modes: ["usual", "deep-chains"], policies: inTable(fewInSettings), seeds: [1, 2] },
  recorded: true,
  shown: { cluster: "hetero-8", mode: "usual" },
  report: "settings",
};

function toWorkload({ family, vary }: Setting, data: string | undefined): CellSpec["workload"] {
  if (family !== undefined) return { kind: "generated", families: [family], count, oneAtATime: true };
  return {
    kind: "real-dag",
    count,
    ...(data === undefined ? {} : { data }),
    ...(vary === undefined ? {} : { vary }),
  };
}
