/** Workflows of which everything can be known beforehand, so that a plan that is laid out in time can be held against the simulator. */

import type { Segment, Stage, Workflow } from "../../src/model/workflow.ts";

/** Lengths and tool times as estimated, all branches taken, all there at once. */
export function withoutDoubt(flow: Workflow): Workflow {
  const certain = ({ branch: _branch, ...stage }: Stage): Stage =>
    stage.kind === "tool"
      ? { ...stage, actualUs: stage.estimateUs }
      : { ...stage, output: { ...stage.output, actual: stage.output.estimate } };
  return { ...flow, arrivalUs: 0, reveal: "static", stages: flow.stages.map(certain) };
}

/** What is said before the parents' outputs differs from stage to stage. */
export function sharingNothing(flow: Workflow): Workflow {
  const own = (segment: Segment): Segment =>
    segment.kind === "text" ? { kind: "own", tokens: segment.tokens } : segment;
  const stages = flow.stages.map((stage) =>
    stage.kind === "tool" ? stage : { ...stage, prompt: stage.prompt.map(own) },
  );
  return { ...flow, stages };
}
