/** Gives every stage of a workflow that has no engine yet an engine and a time, highest upward rank first. */

import { candidateCost, canServe, type Known } from "../../cost/candidate.ts";
import { transferUs } from "../../cost/transfer.ts";
import type { HostId } from "../../model/cluster.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { StageKey } from "../../model/workflow.ts";
import type { EngineState } from "../../state/engine-state.ts";
import type { OpenWorkflow, StageNode } from "../../state/workflow-state.ts";
import { handsOver, pickDecodeEngine } from "../choose.ts";
import { occupy, pickEarliestFinish, type Choice, type Slot } from "./insertion.ts";
import { rankStages, type MeanCosts } from "./mean-costs.ts";
import type { Timelines } from "./timelines.ts";
import type { PlannedStage, WorkflowPlan } from "./workflow-plan.ts";

/** When and where the result of a stage is there. No hosts: it comes along with the call. */
type Result = { readonly finishUs: number; readonly hosts: readonly HostId[] };

/** Adds to `plan`, and takes the time in `timelines`. Stages that no engine can take now stay without a plan. */
export function planWorkflow(
  known: Known,
  workflow: OpenWorkflow,
  plan: WorkflowPlan,
  means: MeanCosts,
  timelines: Timelines,
): WorkflowPlan {
  const stages: Record<StageKey, PlannedStage> = { ...plan };
  const results = new Map<StageKey, Result>();
  for (const node of inRankOrder(workflow, means)) {
    const { stage } = node;
    const parents = stage.parents.map((parent) => results.get(parent.stage));
    const inputs = parents.filter((result) => result !== undefined);
    if (inputs.length < parents.length) continue;
    const planned = stages[stage.key];
    if (node.status === "ended") {
      results.set(stage.key, { finishUs: known.nowUs, hosts: node.outputHosts });
    } else if (stage.kind === "tool") {
      const startUs = Math.max(node.status === "running" ? node.readyUs : known.nowUs, ...inputs.map(finishOf));
      results.set(stage.key, { finishUs: Math.max(known.nowUs, startUs + stage.toolUs), hosts: [] });
    } else {
      const found = planned ?? planStage(known, stage, inputs, timelines);
      if (found === undefined) continue;
      stages[stage.key] = found;
      const hosts = [known.cluster.engine(found.engine).holding.host.id];
      results.set(stage.key, { finishUs: Math.max(known.nowUs, found.finishUs), hosts });
    }
  }
  return stages;
}

function finishOf(result: Result): number {
  return result.finishUs;
}

function inRankOrder(workflow: OpenWorkflow, means: MeanCosts): StageNode[] {
  const ranks = rankStages(workflow, means);
  return [...ranks.keys()].sort(
    (left, right) => (ranks.get(right) ?? 0) - (ranks.get(left) ?? 0) || left.stage.ordinal - right.stage.ordinal,
  );
}

function planStage(
  known: Known,
  stage: VisibleModelStage,
  inputs: readonly Result[],
  timelines: Timelines,
): PlannedStage | undefined {
  const decodeEngine = pickDecodeEngine(known, stage);
  const choices: (Choice & { readonly engine: EngineState })[] = [];
  for (const engine of known.cluster) {
    if (!engine.open || engine.role === "decode" || !canServe(stage, engine)) continue;
    const pair = handsOver(stage, engine);
    if (pair && decodeEngine === undefined) continue;
    const readyUs = inputsUs(known, stage, inputs, engine.holding.host.id);
    if (readyUs === undefined) continue;
    const options = { items: stage.items, shards: 1, ...(pair && decodeEngine ? { decodeEngine } : {}) };
    const { prefillUs, decodeUs } = candidateCost(known, stage, engine, options);
    const workUs = pair ? prefillUs : prefillUs + decodeUs;
    const lanes = timelines[engine.holding.index] ?? [];
    const isThere = createResidency(stage, engine, lanes);
    const durationUs = (previous: Slot | undefined): number =>
      workUs + (isThere(previous) ? 0 : loadUs(known, stage, engine));
    for (const timeline of lanes) choices.push({ engine, timeline, readyUs, durationUs, tailUs: pair ? decodeUs : 0 });
  }
  const fit = pickEarliestFinish(choices);
  if (fit === undefined) return undefined;
  occupy(fit, stage.model);
  const { choice, startUs, endUs, finishUs } = fit;
  return { engine: choice.engine.id, startUs, engineUs: endUs - startUs, finishUs };
}

/** When all inputs can be on `host`; undefined if one has no way there. Each travels as soon as it is there. */
function inputsUs(
  { nowUs, costs }: Known,
  stage: VisibleModelStage,
  inputs: readonly Result[],
  host: HostId,
): number | undefined {
  let atUs = nowUs;
  for (const [index, { finishUs, hosts }] of inputs.entries()) {
    const bytes = stage.parents[index]?.bytes ?? 0;
    let arriveUs = hosts.length === 0 || hosts.includes(host) ? finishUs : Infinity;
    for (const from of hosts) {
      const route = costs.route(from, host);
      if (route !== undefined) arriveUs = Math.min(arriveUs, finishUs + transferUs(route, bytes));
    }
    if (arriveUs === Infinity) return undefined;
    atUs = Math.max(atUs, arriveUs);
  }
  return atUs;
}

/**
 * Whether the model is there without a load after what runs before: always on an engine that can hold all models planned for
 * it side by side, once it has it; else if what runs right before uses it.
 */
function createResidency({ model }: VisibleModelStage, engine: EngineState, lanes: readonly Slot[][]) {
  const { memoryBytes, engine: spec, models } = engine.holding;
  const foreseen = engine.foreseen.some((resident) => resident.model === model);
  const used = new Set(engine.foreseen.map((resident) => resident.model));
  for (const slot of lanes.flat()) if (slot.model !== undefined) used.add(slot.model);
  const there = used.has(model);
  let bytes = 0;
  for (const each of used.add(model)) bytes += models.get(each)?.footprintBytes ?? 0;
  if (used.size <= spec.maxResident && bytes <= memoryBytes) return () => there;
  return (previous: Slot | undefined) => (previous === undefined ? foreseen : previous.model === model);
}

function loadUs(known: Known, stage: VisibleModelStage, engine: EngineState): number {
  const costs = known.costs.engines[engine.holding.index]?.models.get(stage.model);
  return Math.round((costs?.loadUs ?? 0) * engine.slowFactor);
}
