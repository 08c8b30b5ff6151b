/** Reads a workload in any of the formats that Fate knows, and sees to it that it is whole. */

import { basename } from "node:path";
import type { Model } from "../model/model.ts";
import type { Workflow, Workload } from "../model/workflow.ts";
import { createRng } from "../random/rng.ts";
import { drawExponential } from "../random/distributions.ts";
import { readAgenticMooncake } from "./agentic-mooncake.ts";
import { annotateGraph, cleanName } from "./annotate.ts";
import { detectFormat, type WorkloadFormat } from "./detect-format.ts";
import { readDify } from "./dify.ts";
import { readFlowise } from "./flowise.ts";
import { InputError } from "./input-error.ts";
import { maxWorkflows } from "./limits.ts";
import { readKvCacheTester } from "./kv-cache-tester.ts";
import { readLmcache } from "./lmcache.ts";
import { readMiniSweAgent } from "./mini-swe-agent.ts";
import { readMooncake } from "./mooncake.ts";
import { stepInto } from "./place.ts";
import { readText } from "./read-text.ts";
import type { TaskGraph } from "./task-graph.ts";
import { validateIds, validateModel, validateWorkflow } from "./validate-workload.ts";
import { readWfformat } from "./wfformat.ts";
import { readWfinstances } from "./wfinstances.ts";
import { modelsById, namedModels, parseWorkloadFile } from "./workload-file.ts";

export type ReadOptions = {
  /** One of `workloadFormats`; found out unless said. */
  readonly format?: string;
  /** For what the file does not say and is drawn: 1 unless said. */
  readonly seed?: number;
  /** The model of all calls of a trace; unless said, of those that the trace names none for. */
  readonly model?: string;
  /** Models of recorded sessions by a part of the name in the trace; goes before `model`. */
  readonly modelsByName?: Readonly<Record<string, string>>;
  /** Recorded sessions end before the first prompt that is longer. */
  readonly maxPromptTokens?: number;
  /** Every count of tokens of a recorded session times this. */
  readonly tokenScale?: number;
  /** Tokens of a block in Mooncake traces: 512 unless said. */
  readonly blockTokens?: number;
  /** Take that many workflows, the first ones. */
  readonly limit?: number;
  readonly arrival?: Arrival;
};

/** As the file says, all at once, or as a Poisson stream in the order of the file. */
type Arrival =
  | { readonly kind: "trace" }
  | { readonly kind: "together" }
  | { readonly kind: "poisson"; readonly meanGapUs: number };

export type ReadWorkload = {
  readonly workload: Workload;
  readonly models: readonly Model[];
  readonly format: WorkloadFormat;
};

const defaultModel = "llama-3.1-70b";

type Settings = Required<Pick<ReadOptions, "seed" | "blockTokens" | "limit">> &
  Pick<ReadOptions, "model" | "modelsByName" | "maxPromptTokens" | "tokenScale">;
type Found = { readonly id?: string; readonly models?: readonly Model[]; readonly workflows: readonly Workflow[] };
type Reader = (text: string, file: string, settings: Settings) => Found;

const readers: { readonly [F in WorkloadFormat]: Reader } = {
  fate: (text, file) => {
    const { workload, models } = parseWorkloadFile(text, file);
    return { ...workload, models };
  },
  wfformat: (text, file, settings) => annotateAll([readWfformat(text, file)], file, settings),
  wfinstances: (text, file, settings) => annotateAll(readWfinstances(text, file), file, settings),
  dify: (text, file, settings) => annotateAll(readDify(text, file), file, settings),
  flowise: (text, file, settings) => annotateAll(readFlowise(text, file), file, settings),
  mooncake: (text, file, settings) => ({ workflows: readMooncake(text, file, { model: defaultModel, ...settings }) }),
  "agentic-mooncake": (text, file, settings) => ({
    workflows: readAgenticMooncake(text, file, { model: defaultModel, ...settings }),
  }),
  "kv-cache-tester": (text, file, settings) => ({ workflows: readKvCacheTester(text, file, settings) }),
  "mini-swe-agent": (text, file, settings) => ({ workflows: readMiniSweAgent(text, file, settings) }),
  lmcache: (text, file, settings) => ({ workflows: readLmcache(text, file, settings) }),
};

/** What `format` may be. */
export const workloadFormats: readonly string[] = ["auto", ...Object.keys(readers)];

export function readWorkload(path: string, options: ReadOptions = {}): ReadWorkload {
  return parseWorkload(readText(path), path, options);
}

export function parseWorkload(text: string, file: string, options: ReadOptions = {}): ReadWorkload {
  const format = pickFormat(text, file, options.format ?? "auto");
  const { seed = 1, blockTokens = 512, limit = maxWorkflows, arrival = { kind: "trace" }, ...rest } = options;
  for (const model of [options.model ?? defaultModel, ...Object.values(options.modelsByName ?? {})])
    validateModel(model, modelsById([]), { file: "model", label: "" });
  const {
    id = basename(file),
    models = [],
    workflows: all,
  } = readers[format](text, file, { seed, blockTokens, limit, ...rest });
  const known = modelsById(models);
  const place = stepInto({ file, label: "" }, "workflows");
  const taken = all.slice(0, limit);
  validateIds(taken.map((workflow, index) => [workflow.id, stepInto(stepInto(place, index), "id")] as const));
  const whole = taken.map((workflow, index) => validateWorkflow(workflow, known, stepInto(place, index)));
  const workflows = rearrange(whole, arrival, seed);
  const used = format === "fate" ? models : [...models, ...namedModels(workflows, models)];
  return { workload: { id, workflows }, models: used, format };
}

function pickFormat(text: string, file: string, format: string): WorkloadFormat {
  if (format === "auto") return detectFormat(text, file);
  if (Object.hasOwn(readers, format)) return format as WorkloadFormat;
  throw new InputError(file, "", `format ${JSON.stringify(format)}`, `one of ${workloadFormats.join(", ")}`);
}

/** Graphs of one name get a number behind it; graphs without tasks are nothing to run. */
function annotateAll(graphs: readonly TaskGraph[], file: string, { seed, limit }: Settings): Found {
  const whole = graphs.filter((graph) => graph.tasks.length > 0).slice(0, limit);
  if (whole.length === 0) throw new InputError(file, "", "no graph with a task", "at least one");
  const counts = new Map<string, number>();
  const workflows = whole.map((graph) => {
    const name = cleanName(graph.name);
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return annotateGraph(graph, { seed, id: count === 1 ? name : `${name}#${count}` });
  });
  return { workflows };
}

function rearrange(workflows: readonly Workflow[], arrival: Arrival, seed: number): readonly Workflow[] {
  if (arrival.kind === "trace") return workflows.toSorted((left, right) => left.arrivalUs - right.arrivalUs);
  if (arrival.kind === "together") return workflows.map((workflow) => ({ ...workflow, arrivalUs: 0 }));
  const rng = createRng(seed, "arrival");
  let atUs = 0;
  return workflows.map((workflow) => {
    const arrivalUs = Math.round(atUs);
    atUs += drawExponential(rng, arrival.meanGapUs);
    return { ...workflow, arrivalUs };
  });
}
