/** Changes to a finished workflow that studies of sensitivity ask for. Each draws from a stream of its own, so nothing else changes. */

import { strict as assert } from "node:assert";
import type { Stage, Workflow } from "../model/workflow.ts";
import { createRng } from "../random/rng.ts";
import { maxBytes } from "./limits.ts";

export type Variations = {
  /** Makes this share of the stages with parents, by seed, run with this chance only. */
  readonly branches?: { readonly share: number; readonly chance: number };
  /** Bytes of every edge times this. */
  readonly edgeBytesScale?: number;
};

/** Equal workflow, seed and variations give an equal workflow; the same one if nothing is to be varied. */
export function varyWorkflow(workflow: Workflow, seed: number, { branches, edgeBytesScale = 1 }: Variations): Workflow {
  assert(edgeBytesScale >= 0, `edgeBytesScale is at least 0, not ${edgeBytesScale}`);
  let { stages } = workflow;
  if (edgeBytesScale !== 1) stages = stages.map((stage) => scaleEdges(stage, edgeBytesScale));
  if (branches !== undefined) stages = addBranches(workflow.id, stages, seed, branches);
  return stages === workflow.stages ? workflow : { ...workflow, stages };
}

function scaleEdges(stage: Stage, scale: number): Stage {
  const parents = stage.parents.map((parent) => ({
    ...parent,
    bytes: Math.min(maxBytes, Math.round(parent.bytes * scale)),
  }));
  return { ...stage, parents };
}

/** Every stage takes the same draws, so that a larger share adds branches and changes none, and a larger chance only lets more run. */
function addBranches(
  workflow: string,
  stages: readonly Stage[],
  seed: number,
  { share, chance }: Required<Variations>["branches"],
): readonly Stage[] {
  assert(share >= 0 && share <= 1, `the share of branches lies between 0 and 1, not ${share}`);
  assert(chance >= 0 && chance <= 1, `the chance of branches lies between 0 and 1, not ${chance}`);
  const rng = createRng(seed, "branches").stream(workflow);
  return stages.map((stage) => {
    const picked = rng.next() < share;
    const runs = rng.next() < chance;
    return picked && stage.parents.length > 0 ? { ...stage, branch: { chance, runs } } : stage;
  });
}
