/**
 * How long workflows are held up by prompts that wait: not at all while another call of theirs ends later anyway. Calls that nothing
 * excuses go first, so what counts is by how much the last of them is late, the least there is in any order (Jackson's rule).
 */

import type { QueuedShare } from "../../../state/engine-state.ts";
import type { OpenWorkflow } from "../../../state/workflow-state.ts";
import { bestTimesOf } from "../../agents/best-times.ts";
import { newTokensOf } from "../../agents/demand.ts";
import type { HoldUp } from "../../agents/split.ts";
import type { View } from "../../policy.ts";

/** Of calls that are ready now. If more tokens wait by then, or fewer, they are of the same kind. */
export function createHoldUp(view: View): HoldUp {
  const { ready, workflows, nowUs, costs } = view;
  const ends = endsOf(view);
  const calls = ready.map((stage) => {
    const { workflow } = workflows.node(stage.key);
    const endUs = nowUs + bestTimesOf(costs).ofUs(stage);
    note(ends, workflow, endUs);
    return { workflow, tokens: newTokensOf(stage), endUs };
  });
  const rows = calls
    .map(({ workflow, tokens, endUs }) => ({ tokens, slackUs: (ends.get(workflow) ?? endUs) - endUs }))
    .sort((one, other) => one.slackUs - other.slackUs);
  let all = 0;
  for (const { tokens } of rows) all += tokens;
  return (tokens, pace) => {
    if (all === 0) return tokens / pace;
    let before = 0;
    let us = 0;
    for (const row of rows) {
      before += row.tokens;
      us = Math.max(us, ((before / all) * tokens) / pace - row.slackUs);
    }
    return us;
  };
}

/** When all is over that each workflow has begun, its tools too, as far as can be foreseen. */
function endsOf({ cluster, workflows, nowUs }: View): Map<OpenWorkflow, number> {
  const ends = new Map<OpenWorkflow, number>();
  const noteShare = ({ stage, phase, expectedUs, decodeUs = 0 }: QueuedShare, startUs: number): void => {
    // By an old view it may be over.
    if (!workflows.has(stage.key)) return;
    const endUs = Math.max(nowUs, startUs + expectedUs) + (phase === "prefill" ? decodeUs : 0);
    note(ends, workflows.node(stage.key).workflow, endUs);
  };
  for (const { running, queue } of cluster) {
    for (const share of running) noteShare(share, share.startUs);
    for (const share of queue) noteShare(share, nowUs);
  }
  for (const workflow of workflows.open.values())
    for (const { stage, status, readyUs } of workflow.stages.values())
      if (stage.kind === "tool" && status !== "ended") note(ends, workflow, Math.max(nowUs, readyUs + stage.toolUs));
  return ends;
}

function note(ends: Map<OpenWorkflow, number>, workflow: OpenWorkflow, endUs: number): void {
  ends.set(workflow, Math.max(ends.get(workflow) ?? 0, endUs));
}
