/**
 * What must hold in a workload beyond the shape of its file: ids are unique, references resolve, the graph has no cycle,
 * a prompt repeats only what an ancestor wrote, and a branch that is certain comes as expected.
 */

import type { Model, ModelId } from "../model/model.ts";
import type { Branch, Stage, StageId, Workflow } from "../model/workflow.ts";
import { meant } from "./closest.ts";
import { type Place, refuse, stepInto } from "./place.ts";
import { orderTopologically, showCycle } from "./topological.ts";

/** Visits that looking for distant ancestors may cost in one workflow. */
const maxAncestorVisits = 100_000_000;

/** The workflow with parents before children, or an InputError. */
export function validateWorkflow(workflow: Workflow, models: ReadonlyMap<ModelId, Model>, place: Place): Workflow {
  const stagesPlace = stepInto(place, "stages");
  const indexOf = indexStages(workflow.stages, stagesPlace);
  const parentsOf = workflow.stages.map((stage, index) =>
    parentPositions(stage, indexOf, stepInto(stagesPlace, index)),
  );
  const outcome = orderTopologically(parentsOf);
  if (outcome.kind === "cycle")
    refuse(stagesPlace, `a cycle ${showCycle(outcome.cycle, (at) => workflow.stages[at]?.id ?? "")}`, "no cycle");
  const ancestry = createAncestry(parentsOf);
  for (const [index, stage] of workflow.stages.entries()) {
    const stagePlace = stepInto(stagesPlace, index);
    if (stage.branch !== undefined) validateBranch(stage.branch, stepInto(stepInto(stagePlace, "branch"), "runs"));
    if (stage.kind === "tool") continue;
    validateModel(stage.model, models, stepInto(stagePlace, "model"));
    validateOutput(stage, stepInto(stagePlace, "output"));
    for (const [at, segment] of stage.prompt.entries()) {
      if (segment.kind !== "output") continue;
      const segmentPlace = stepInto(stepInto(stepInto(stagePlace, "prompt"), at), "stage");
      const source = resolve(segment.stage, indexOf, segmentPlace);
      const kind = workflow.stages[source]?.kind;
      if (kind !== "llm") refuse(segmentPlace, `${segment.stage}, ${kind} stage`, "an llm stage, which writes text");
      if (!ancestry(index, source, segmentPlace)) refuse(segmentPlace, segment.stage, "an ancestor of this stage");
    }
  }
  const inOrder = outcome.order.every((at, index) => at === index);
  return inOrder ? workflow : { ...workflow, stages: outcome.order.flatMap((at) => workflow.stages[at] ?? []) };
}

/** Refuses a second workflow of one id. */
export function validateIds(ids: Iterable<readonly [string, Place]>): void {
  const seen = new Set<string>();
  for (const [id, place] of ids) {
    if (seen.has(id)) refuse(place, `${JSON.stringify(id)} again`, "an id of its own");
    seen.add(id);
  }
}

export function validateModels(models: readonly Model[], place: Place): void {
  validateIds(models.map((model, index) => [model.id, stepInto(stepInto(place, index), "id")] as const));
  for (const [index, { experts, weightBytes }] of models.entries()) {
    if (experts === undefined) continue;
    const expertsPlace = stepInto(stepInto(place, index), "experts");
    if (experts.perToken > experts.count)
      refuse(stepInto(expertsPlace, "perToken"), `${experts.perToken}`, `at most count, ${experts.count}`);
    if (experts.weightBytes > weightBytes)
      refuse(stepInto(expertsPlace, "weightBytes"), `${experts.weightBytes}`, `at most the model's ${weightBytes}`);
  }
}

export function validateModel(id: ModelId, models: ReadonlyMap<ModelId, Model>, place: Place): void {
  if (models.has(id)) return;
  const expected = `a model of the catalogue or one described in the file${meant(id, models.keys())}`;
  refuse(place, JSON.stringify(id), expected);
}

function indexStages(stages: readonly Stage[], place: Place): Map<StageId, number> {
  validateIds(stages.map((stage, index) => [stage.id, stepInto(stepInto(place, index), "id")] as const));
  return new Map(stages.map((stage, index) => [stage.id, index]));
}

function parentPositions(stage: Stage, indexOf: ReadonlyMap<StageId, number>, place: Place): number[] {
  const parentsPlace = stepInto(place, "parents");
  const at = (index: number): Place => stepInto(stepInto(parentsPlace, index), "stage");
  validateIds(stage.parents.map((parent, index) => [parent.stage, at(index)] as const));
  return stage.parents.map((parent, index) => resolve(parent.stage, indexOf, at(index)));
}

function resolve(id: StageId, indexOf: ReadonlyMap<StageId, number>, place: Place): number {
  const index = indexOf.get(id);
  if (index !== undefined) return index;
  return refuse(place, JSON.stringify(id), `a stage of this workflow${meant(id, indexOf.keys())}`);
}

function validateBranch({ chance, runs }: Branch, place: Place): void {
  if (chance === (runs ? 0 : 1)) refuse(place, `${runs}`, `${!runs}, as chance is ${chance}`);
}

function validateOutput(stage: Exclude<Stage, { kind: "tool" }>, place: Place): void {
  const { estimate, actual, limit } = stage.output;
  if (stage.kind === "embed" && estimate + actual + limit > 0)
    refuse(place, `${Math.max(estimate, actual, limit)} tokens`, "none: an embedding writes no text");
  if (actual > limit) refuse(stepInto(place, "actual"), `${actual}`, `at most limit, ${limit}`);
  if (estimate > limit) refuse(stepInto(place, "estimate"), `${estimate}`, `at most limit, ${limit}`);
}

/**
 * Whether `source` is above `stage`. A growing conversation asks again and again for the same old stages,
 * so what a parent was found to descend from is remembered; only news are searched for.
 */
function createAncestry(
  parentsOf: readonly (readonly number[])[],
): (stage: number, source: number, place: Place) => boolean {
  const found = parentsOf.map(() => new Set<number>());
  let visits = 0;
  const search = (stage: number, source: number, place: Place): boolean => {
    const seen = new Set<number>([stage]);
    const open = [stage];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      for (const parent of parentsOf[node] ?? []) {
        if (parent === source || found[parent]?.has(source) === true) return true;
        if (++visits > maxAncestorVisits) refuse(place, "too distant a stage", "fewer references to distant ancestors");
        if (seen.has(parent)) continue;
        seen.add(parent);
        open.push(parent);
      }
    }
    return false;
  };
  return (stage, source, place) => {
    const known = found[stage]?.has(source) === true || search(stage, source, place);
    if (known) found[stage]?.add(source);
    return known;
  };
}
