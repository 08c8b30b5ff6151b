/** What a workload is made of, as plain numbers: sizes, shapes, lengths, and how much of its prompts can be shared. */

import { chainHash } from "../model/prefix.ts";
import type { ModelStage, Stage, StageId, Workflow, Workload } from "../model/workflow.ts";

/** Nearest-rank quantiles; all zero where there is nothing. */
type Quantiles = { readonly p50: number; readonly p90: number; readonly max: number };

export type WorkloadDescription = {
  readonly id: string;
  readonly workflows: number;
  readonly online: number;
  readonly stages: number;
  readonly stagesByKind: { readonly llm: number; readonly embed: number; readonly tool: number };
  /** By number of stages, most first, then by id. */
  readonly stagesByModel: readonly { readonly model: string; readonly stages: number }[];
  readonly stagesPerWorkflow: Quantiles;
  /** Stages on the longest path. */
  readonly depth: Quantiles;
  /** Stages of the fullest level, a level being the stages equally deep. */
  readonly width: Quantiles;
  /** Children of the stages that have any. */
  readonly fanOut: Quantiles;
  /** Of model stages; all zero for embeddings' output. */
  readonly promptTokens: Quantiles;
  readonly outputTokens: Quantiles;
  readonly totalPromptTokens: number;
  readonly totalOutputTokens: number;
  /** Share of all prompt tokens in prefixes that an earlier prompt for the same model began with. */
  readonly shareablePromptShare: number;
  readonly toolUs: Quantiles;
  readonly firstArrivalUs: number;
  readonly lastArrivalUs: number;
};

export function describeWorkload(workload: Workload): WorkloadDescription {
  const { workflows } = workload;
  const stages = workflows.flatMap((workflow) => workflow.stages);
  const calls = stages.filter((stage) => stage.kind !== "tool");
  const prompts = describePrompts(workflows);
  const shapes = workflows.map(describeShape);
  return {
    id: workload.id,
    workflows: workflows.length,
    online: workflows.filter((workflow) => workflow.reveal === "online").length,
    stages: stages.length,
    stagesByKind: countKinds(stages),
    stagesByModel: countModels(calls),
    stagesPerWorkflow: quantiles(workflows.map((workflow) => workflow.stages.length)),
    depth: quantiles(shapes.map((shape) => shape.depth)),
    width: quantiles(shapes.map((shape) => shape.width)),
    fanOut: quantiles(shapes.flatMap((shape) => shape.fanOuts)),
    promptTokens: quantiles(prompts.tokens),
    outputTokens: quantiles(calls.map((stage) => stage.output.actual)),
    totalPromptTokens: prompts.total,
    totalOutputTokens: calls.reduce((sum, stage) => sum + stage.output.actual, 0),
    shareablePromptShare: prompts.total === 0 ? 0 : prompts.shareable / prompts.total,
    toolUs: quantiles(stages.flatMap((stage) => (stage.kind === "tool" ? [stage.actualUs] : []))),
    firstArrivalUs: workflows.reduce(
      (least, { arrivalUs }) => Math.min(least, arrivalUs),
      workflows[0]?.arrivalUs ?? 0,
    ),
    lastArrivalUs: workflows.reduce((most, { arrivalUs }) => Math.max(most, arrivalUs), 0),
  };
}

function quantiles(values: readonly number[]): Quantiles {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { p50: at(0.5), p90: at(0.9), max: at(1) };
}

function countKinds(stages: readonly Stage[]): WorkloadDescription["stagesByKind"] {
  const counts = { llm: 0, embed: 0, tool: 0 };
  for (const stage of stages) counts[stage.kind]++;
  return counts;
}

function countModels(calls: readonly ModelStage[]): WorkloadDescription["stagesByModel"] {
  const counts = new Map<string, number>();
  for (const { model } of calls) counts.set(model, (counts.get(model) ?? 0) + 1);
  return [...counts]
    .map(([model, stages]) => ({ model, stages }))
    .sort((left, right) => right.stages - left.stages || (left.model < right.model ? -1 : 1));
}

function describeShape(workflow: Workflow): { depth: number; width: number; fanOuts: readonly number[] } {
  const levelOf = new Map<StageId, number>();
  const perLevel: number[] = [];
  const children = new Map<StageId, number>();
  for (const stage of workflow.stages) {
    let level = 0;
    for (const { stage: parent } of stage.parents) {
      level = Math.max(level, (levelOf.get(parent) ?? 0) + 1);
      children.set(parent, (children.get(parent) ?? 0) + 1);
    }
    levelOf.set(stage.id, level);
    perLevel[level] = (perLevel[level] ?? 0) + 1;
  }
  const width = perLevel.reduce((most, count) => Math.max(most, count), 0);
  return { depth: perLevel.length, width, fanOuts: [...children.values()] };
}

/** Prompts in the order of the workload; a prefix counts as shareable from its second appearance on. */
function describePrompts(workflows: readonly Workflow[]): { tokens: number[]; total: number; shareable: number } {
  const seen = new Set<string>();
  const tokens: number[] = [];
  let total = 0;
  let shareable = 0;
  for (const workflow of workflows) {
    const written = new Map(
      workflow.stages.map((stage) => [stage.id, stage.kind === "tool" ? 0 : stage.output.actual] as const),
    );
    for (const stage of workflow.stages) {
      if (stage.kind === "tool") continue;
      let hash: number | undefined;
      let shared = true;
      let length = 0;
      for (const segment of stage.prompt) {
        const count = segment.kind === "output" ? (written.get(segment.stage) ?? 0) : segment.tokens;
        length += count;
        shared &&= segment.kind !== "own";
        if (!shared || segment.kind === "own") continue;
        hash = chainHash(
          hash,
          segment.kind === "text" ? `text ${segment.key}` : `output ${workflow.id}/${segment.stage}`,
        );
        const prefix = `${stage.model} ${hash}`;
        if (seen.has(prefix)) shareable += count;
        seen.add(prefix);
      }
      tokens.push(length);
      total += length;
    }
  }
  return { tokens, total, shareable };
}
