/** The stages of a run as its graph: who waits for whom, and what is over already when the run is taken up again. */

import { stageKey, type StageKey } from "../../model/workflow.ts";
import { isOver, toDriverId, type DeclaredRun } from "./declared-run.ts";
import type { DeclaredStage } from "./declared.ts";
import { countAhead } from "./stage-result.ts";
import type { Shown } from "./to-visible.ts";
import type { Json } from "./wire.ts";

export type Node = {
  readonly stage: DeclaredStage;
  readonly id: string;
  readonly key: StageKey;
  readonly children: Node[];
  /** It was over when the run was taken up: the driver is never told of it. */
  readonly isPast: boolean;
  parentsOpen: number;
  /** Some of its parents ended in the past, others are open. */
  isMixed: boolean;
  /** Parents that the driver is to be told of first. */
  parentsHidden: number;
  revealed: boolean;
  /** Lengths of its prompt's links, once it is revealed. */
  lengths: Shown["lengths"];
  /** What it came to is being saved, or is. */
  settling: boolean;
  /** Entries of its list, once their number is known; 1 for what is no map; 0 for what will not run. */
  count: number | undefined;
  items: readonly Json[];
};

/** Parents before children. */
export function toGraph(run: DeclaredRun): ReadonlyMap<string, Node> {
  const nodes = new Map<string, Node>();
  const workflow = toDriverId(run);
  for (const stage of run.workflow.stages) {
    const isPast = isOver(run.stages.get(stage.id)?.status ?? "waiting");
    const node: Node = {
      stage,
      id: stage.id,
      key: stageKey(workflow, stage.id),
      children: [],
      isPast,
      parentsOpen: 0,
      parentsHidden: 0,
      isMixed: false,
      revealed: false,
      lengths: () => [],
      settling: isPast,
      count: countAhead(stage, run.workflow.inputs),
      items: [],
    };
    nodes.set(stage.id, node);
    let ended = false;
    for (const id of stage.parents) {
      const parent = nodes.get(id);
      if (parent === undefined) continue;
      ended ||= parent.isPast && run.stages.get(id)?.status === "ended";
      if (parent.isPast) continue;
      parent.children.push(node);
      node.parentsOpen += 1;
    }
    node.parentsHidden = node.parentsOpen;
    node.isMixed = ended && node.parentsOpen > 0;
  }
  return nodes;
}
