/** A workflow in which everything that is estimated is estimated as it comes true, so that a policy that plans by estimates plans by the truth. */

import type { Stage, Workflow } from "../model/workflow.ts";

/** All stages are shown on arrival. Arrivals stay unknown until they come. */
export function tellTruth(workflow: Workflow): Workflow {
  return { ...workflow, reveal: "static", stages: workflow.stages.map(tellStage) };
}

function tellStage(stage: Stage): Stage {
  const told: Stage =
    stage.kind === "tool"
      ? { ...stage, estimateUs: stage.actualUs }
      : { ...stage, output: { ...stage.output, estimate: stage.output.actual } };
  if (stage.branch === undefined) return told;
  const { runs } = stage.branch;
  return { ...told, branch: { runs, chance: runs ? 1 : 0 } };
}
