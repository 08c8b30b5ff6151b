/** What those who bring work tell, written down as it happens: workflows, their stages, and what becomes of those without an engine. */

import type { StageKey, WorkflowId } from "../../model/workflow.ts";
import type { DropReason, NewStage, NewWorkflow } from "./driver.ts";
import { keepParents } from "./keep-parents.ts";
import type { Moments } from "./moments.ts";
import type { StageDesk } from "./stage-desk.ts";
import type { World } from "./world.ts";

export type WorkDeskHost = {
  readonly world: World;
  readonly moments: Moments;
  readonly stages: StageDesk;
  /** A workflow has ended, within a moment. */
  readonly onEnd: () => void;
};

/** Whoever tells of a stage that is over comes too late, which happens, and is not heeded. */
export class WorkDesk {
  readonly #host: WorkDeskHost;

  constructor(host: WorkDeskHost) {
    this.#host = host;
  }

  arrive({ workflow, ...facts }: NewWorkflow): void {
    const { world, moments } = this.#host;
    moments.begin();
    world.emit({ kind: "workflow-arrive", workflow, ...facts });
  }

  reveal(stage: NewStage): void {
    const { world, moments, stages } = this.#host;
    moments.begin();
    const { ordinal } = world;
    // One that is over need not be known to all any more.
    const named = keepParents(stage, (parent) => world.isKnown(parent));
    world.emit({ kind: "stage-reveal", stage: { ...named, ordinal } });
    world.ordinal += 1;
    if (stage.kind !== "tool") stages.foreseen += 1;
  }

  toolStart(key: StageKey): void {
    const { world, moments } = this.#host;
    moments.begin();
    world.emit({ kind: "stage-ready", stage: key });
    world.emit({ kind: "tool-start", stage: key });
  }

  toolEnd(key: StageKey): void {
    const { world, moments } = this.#host;
    if (this.#isOver(key)) return;
    moments.begin();
    world.emit({ kind: "tool-end", stage: key });
    world.emit({ kind: "stage-end", stage: key, attempt: 0, outputTokens: 0 });
  }

  skip(key: StageKey): void {
    const { moments, stages } = this.#host;
    if (!this.#isOver(key)) moments.live(() => stages.skip(key));
  }

  drop(key: StageKey, reason: DropReason): void {
    const { moments, stages } = this.#host;
    if (!this.#isOver(key)) moments.live(() => stages.drop(key, reason));
  }

  cancel(workflow: WorkflowId): void {
    const { world, moments, stages, onEnd } = this.#host;
    const open = world.state.workflows.open.get(workflow);
    if (open === undefined) return;
    moments.live(() => {
      if (open.openStages > 0) {
        // What runs goes last, or else its place would be taken once more.
        for (const [key, { status }] of open.stages) if (status !== "running") stages.drop(key, "cancelled");
        for (const key of open.stages.keys()) stages.drop(key, "cancelled");
      }
      world.emit({ kind: "workflow-end", workflow });
      onEnd();
    });
  }

  #isOver(key: StageKey): boolean {
    const { workflows } = this.#host.world.state;
    return !workflows.has(key) || workflows.node(key).status === "ended";
  }
}
