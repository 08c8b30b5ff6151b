/** Brings workflows in as they arrive, reveals their stages, runs their tools, and closes them. */

import { strict as assert } from "node:assert";
import { stageKey, type Stage, type StageKey, type ToolStage, type Workflow } from "../model/workflow.ts";
import { knownChainTokens, toVisible } from "./reveal.ts";
import type { World } from "./world.ts";

/** Children of the stages of open workflows, and how many parents of each have still to end. */
type Pending = {
  readonly children: readonly Stage[];
  parentsOpen: number;
};

export class Feed {
  readonly #world: World;
  readonly #arrivals: Iterator<Workflow>;
  readonly #pending = new Map<StageKey, Pending>();
  readonly #openStages = new Map<string, number>();
  #revealed = 0;
  #lastArrivalUs = 0;
  exhausted = false;

  /** `workflows` must come in order of arrival; no more than one ahead is ever asked for. */
  constructor(world: World, workflows: Iterable<Workflow>) {
    this.#world = world;
    this.#arrivals = workflows[Symbol.iterator]();
  }

  scheduleNext(): void {
    const next = this.#arrivals.next();
    if (next.done === true) {
      this.exhausted = true;
      return;
    }
    const workflow = next.value;
    assert(
      workflow.arrivalUs >= this.#lastArrivalUs,
      `workflow ${workflow.id} comes after a later one; sort workflows by arrival`,
    );
    this.#lastArrivalUs = workflow.arrivalUs;
    this.#world.queue.schedule(workflow.arrivalUs, () => this.#arrive(workflow));
  }

  #arrive(workflow: Workflow): void {
    const { id, reveal, class: klass, tenant, deadlineUs, sloScale } = workflow;
    this.#world.emit({
      kind: "workflow-arrive",
      workflow: id,
      reveal,
      ...(klass === undefined ? {} : { class: klass }),
      ...(tenant === undefined ? {} : { tenant }),
      ...(deadlineUs === undefined ? {} : { deadlineUs }),
      ...(sloScale === undefined ? {} : { sloScale }),
    });
    this.#remember(workflow);
    if (workflow.stages.length === 0) this.#close(workflow);
    if (reveal === "static") for (const stage of workflow.stages) this.#reveal(workflow, stage);
    for (const stage of workflow.stages) if (stage.parents.length === 0) this.#makeReady(workflow, stage);
    this.scheduleNext();
  }

  #remember(workflow: Workflow): void {
    const children = new Map<string, Stage[]>();
    for (const stage of workflow.stages) {
      children.set(stage.id, []);
      for (const parent of stage.parents) children.get(parent.stage)?.push(stage);
    }
    for (const stage of workflow.stages) {
      const key = stageKey(workflow.id, stage.id);
      this.#world.truth.set(key, { workflow, stage });
      this.#pending.set(key, { children: children.get(stage.id) ?? [], parentsOpen: stage.parents.length });
    }
    this.#openStages.set(workflow.id, workflow.stages.length);
  }

  #reveal(workflow: Workflow, stage: Stage): void {
    this.#world.emit({ kind: "stage-reveal", stage: toVisible(this.#world, workflow, stage, this.#revealed) });
    this.#revealed += 1;
  }

  #makeReady(workflow: Workflow, stage: Stage): void {
    if (workflow.reveal === "online") this.#reveal(workflow, stage);
    const tokens = knownChainTokens(this.#world, workflow, stage);
    const key = stageKey(workflow.id, stage.id);
    this.#world.emit({ kind: "stage-ready", stage: key, ...(tokens === undefined ? {} : { chainTokens: tokens }) });
    this.#world.changed = true;
    if (stage.kind === "tool") this.#runTool(key, stage);
  }

  #runTool(key: StageKey, stage: ToolStage): void {
    this.#world.emit({ kind: "tool-start", stage: key });
    this.#world.after(stage.actualUs, () => {
      if (!this.#world.truth.has(key)) return;
      this.#world.emit({ kind: "tool-end", stage: key });
      this.#world.emit({ kind: "stage-end", stage: key, attempt: 0, outputTokens: 0 });
      this.stageEnded(key);
    });
  }

  /** To be called after each `stage-end`. */
  stageEnded(key: StageKey): void {
    const truth = this.#world.truth.get(key);
    const pending = this.#pending.get(key);
    assert(truth !== undefined && pending !== undefined, `stage ${key} ended but its workflow is over`);
    this.#world.changed = true;
    const { workflow } = truth;
    for (const child of pending.children) {
      const waiting = this.#pending.get(stageKey(workflow.id, child.id));
      assert(waiting !== undefined);
      waiting.parentsOpen -= 1;
      if (waiting.parentsOpen === 0) this.#makeReady(workflow, child);
    }
    const open = (this.#openStages.get(workflow.id) ?? 0) - 1;
    this.#openStages.set(workflow.id, open);
    if (open === 0) this.#close(workflow);
  }

  #close(workflow: Workflow): void {
    this.#world.emit({ kind: "workflow-end", workflow: workflow.id });
    this.#forget(workflow);
  }

  /** Gives a workflow up for good. */
  abandon(id: string, reason: "unreachable" | "no-engine" | "policy-deferred"): void {
    const first = this.#world.state.workflows.open.get(id)?.stages.keys().next().value;
    const workflow = first === undefined ? undefined : this.#world.truth.get(first)?.workflow;
    this.#world.emit({ kind: "workflow-abandon", workflow: id, reason });
    if (workflow !== undefined) this.#forget(workflow);
  }

  #forget(workflow: Workflow): void {
    for (const stage of workflow.stages) {
      const key = stageKey(workflow.id, stage.id);
      this.#world.truth.delete(key);
      this.#pending.delete(key);
    }
    this.#openStages.delete(workflow.id);
  }
}
