/** Brings workflows in as they arrive, reveals their stages, skips those that do not run, runs their tools, and closes them. */

import { strict as assert } from "node:assert";
import { stageKey, type Stage, type StageKey, type ToolStage, type Workflow } from "../model/workflow.ts";
import { knownChainTokens, toVisible } from "./reveal.ts";
import type { World } from "./world.ts";

/** Children of the stages of open workflows, how many parents of each have still to end, and whether any of those that did has run. */
type Pending = {
  readonly children: readonly Stage[];
  parentsOpen: number;
  parentRan: boolean;
};

export class Feed {
  readonly #world: World;
  readonly #arrivals: Iterator<Workflow>;
  readonly #pending = new Map<StageKey, Pending>();
  readonly #openStages = new Map<string, number>();
  #revealed = 0;
  readonly #oneAtATime: boolean;
  #lastArrivalUs = 0;
  exhausted = false;

  /** `workflows` must come in order of arrival; no more than one ahead is ever asked for. */
  constructor(world: World, workflows: Iterable<Workflow>, oneAtATime: boolean) {
    this.#world = world;
    this.#oneAtATime = oneAtATime;
    this.#arrivals = workflows[Symbol.iterator]();
  }

  scheduleNext(): void {
    const next = this.#arrivals.next();
    if (next.done === true) {
      this.exhausted = true;
      return;
    }
    const workflow = next.value;
    if (this.#oneAtATime) {
      this.#world.queue.schedule(this.#world.nowUs, () => this.#arrive(workflow));
      return;
    }
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
    const skipped: StageKey[] = [];
    for (const stage of workflow.stages) if (stage.parents.length === 0) this.#decide(workflow, stage, skipped);
    this.#afterAll(workflow, skipped);
    if (!this.#oneAtATime) this.scheduleNext();
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
      this.#pending.set(key, {
        children: children.get(stage.id) ?? [],
        parentsOpen: stage.parents.length,
        parentRan: false,
      });
    }
    this.#openStages.set(workflow.id, workflow.stages.length);
  }

  #reveal(workflow: Workflow, stage: Stage): void {
    this.#world.emit({ kind: "stage-reveal", stage: toVisible(this.#world, workflow, stage, this.#revealed) });
    this.#revealed += 1;
  }

  /** All parents are over. A stage runs unless its branch does not, or none of its parents did; one that does not goes to `skipped`. */
  #decide(workflow: Workflow, stage: Stage, skipped: StageKey[]): void {
    if (workflow.reveal === "online") this.#reveal(workflow, stage);
    const key = stageKey(workflow.id, stage.id);
    const cutOff = stage.parents.length > 0 && this.#pending.get(key)?.parentRan !== true;
    if (!cutOff && stage.branch?.runs !== false) return this.#makeReady(workflow, stage, key);
    this.#world.emit({ kind: "stage-skip", stage: key });
    this.#world.changed = true;
    skipped.push(key);
  }

  #makeReady(workflow: Workflow, stage: Stage, key: StageKey): void {
    const tokens = knownChainTokens(this.#world, workflow, stage);
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
    assert(truth !== undefined, `stage ${key} ended but its workflow is over`);
    this.#world.changed = true;
    const skipped: StageKey[] = [];
    this.#tellChildren(truth.workflow, key, true, skipped);
    this.#afterAll(truth.workflow, skipped);
  }

  /** Of stages that were skipped their children learn too, and so on; with the last stage the workflow ends. */
  #afterAll(workflow: Workflow, skipped: StageKey[]): void {
    // Grows while it is gone through.
    for (const key of skipped) this.#tellChildren(workflow, key, false, skipped);
    if (this.#openStages.get(workflow.id) === 0) this.#close(workflow);
  }

  #tellChildren(workflow: Workflow, key: StageKey, ran: boolean, skipped: StageKey[]): void {
    const pending = this.#pending.get(key);
    assert(pending !== undefined, `stage ${key} is over but its workflow is not open`);
    for (const child of pending.children) {
      const waiting = this.#pending.get(stageKey(workflow.id, child.id));
      assert(waiting !== undefined);
      waiting.parentsOpen -= 1;
      if (ran) waiting.parentRan = true;
      if (waiting.parentsOpen === 0) this.#decide(workflow, child, skipped);
    }
    this.#openStages.set(workflow.id, (this.#openStages.get(workflow.id) ?? 0) - 1);
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
    if (this.#oneAtATime) this.scheduleNext();
  }
}
