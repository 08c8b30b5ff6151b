/** The open workflows as far as they are revealed: which stages exist, wait, are ready, run, or have ended. */

import type { HostId } from "../model/cluster.ts";
import type { PlacedShare } from "../model/event.ts";
import type { VisibleModelStage, VisibleStage } from "../model/visible.ts";
import type { StageKey, WorkflowId } from "../model/workflow.ts";

export type OpenWorkflow = {
  readonly id: WorkflowId;
  readonly arriveUs: number;
  readonly reveal: "static" | "online";
  readonly class?: string;
  readonly tenant?: string;
  readonly deadlineUs?: number;
  readonly sloScale?: number;
  /** In order of reveal. */
  readonly stages: Map<StageKey, StageNode>;
  /** Revealed stages that have not ended. */
  openStages: number;
};

/** A revealed stage and how far it is. */
export type StageNode = {
  /** Replaced when the stage becomes ready and its prompt's length is known. */
  stage: VisibleStage;
  readonly workflow: OpenWorkflow;
  /** Revealed ones only. */
  readonly children: StageNode[];
  parentsOpen: number;
  /** A stage that is skipped has ended too: with no output, which lies nowhere. */
  status: "waiting" | "ready" | "placed" | "running" | "ended";
  /** Ended without having run. */
  skipped: boolean;
  readyUs: number;
  /** Grows when the stage must run again. */
  attempt: number;
  /** While placed or running. */
  shares: readonly PlacedShare[];
  sharesLeft: number;
  /** Known once ended, as are the two below. */
  endedUs: number;
  outputTokens: number;
  /** Hosts on which the output lies; the first is where it was written. None: with the caller, who sends it along with the call. */
  outputHosts: readonly HostId[];
};

export class WorkflowState {
  readonly open = new Map<WorkflowId, OpenWorkflow>();
  readonly #nodes = new Map<StageKey, StageNode>();
  /** Model stages that wait for a placement, longest ready first. */
  readonly ready: VisibleModelStage[] = [];
  /** How many stages were ever placed. */
  placedCount = 0;

  node(key: StageKey): StageNode {
    const node = this.#nodes.get(key);
    // Not an assertion: its sentence would be put together every time.
    if (node === undefined) throw new Error(`stage ${key} is not revealed or its workflow is over`);
    return node;
  }

  has(key: StageKey): boolean {
    return this.#nodes.has(key);
  }

  reveal(workflow: OpenWorkflow, stage: VisibleStage): void {
    const node: StageNode = {
      stage,
      workflow,
      children: [],
      parentsOpen: 0,
      status: "waiting",
      skipped: false,
      readyUs: 0,
      attempt: 0,
      shares: [],
      sharesLeft: 0,
      endedUs: 0,
      outputTokens: 0,
      outputHosts: [],
    };
    for (const { stage: parentKey } of stage.parents) {
      const parent = this.node(parentKey);
      parent.children.push(node);
      if (parent.status !== "ended") node.parentsOpen += 1;
    }
    this.#nodes.set(stage.key, node);
    workflow.stages.set(stage.key, node);
    workflow.openStages += 1;
  }

  makeReady(node: StageNode, atUs: number): void {
    node.status = "ready";
    node.readyUs = atUs;
    if (node.stage.kind !== "tool") this.ready.push(node.stage);
  }

  takeReady(key: StageKey): void {
    const index = this.ready.findIndex((stage) => stage.key === key);
    if (index < 0) throw new Error(`stage ${key} is not ready`);
    this.ready.splice(index, 1);
  }

  /** What is known of a stage that is ready is different now; its place stays. */
  replaceReady(stage: VisibleModelStage): void {
    const index = this.ready.findIndex(({ key }) => key === stage.key);
    if (index >= 0) this.ready[index] = stage;
  }

  /** The stage is over: its children wait for one parent less. */
  end(node: StageNode, atUs: number): void {
    node.status = "ended";
    node.endedUs = atUs;
    node.workflow.openStages -= 1;
    for (const child of node.children) child.parentsOpen -= 1;
  }

  close(workflow: OpenWorkflow): void {
    for (const [key, node] of workflow.stages) {
      this.#nodes.delete(key);
      if (node.status === "ready" && node.stage.kind !== "tool") this.takeReady(key);
    }
    this.open.delete(workflow.id);
  }
}
