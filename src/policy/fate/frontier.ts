/**
 * Step 1, the frontier: the ready stages and those that become ready within a few steps, in the order in which they are to be
 * served: the workflow whose turn it is by work left and wait, inside it the longest path first. Bounded, so that a plan's time is.
 */

import type { HostId } from "../../model/cluster.ts";
import type { VisibleStage } from "../../model/visible.ts";
import type { StageKey, WorkflowId } from "../../model/workflow.ts";
import type { OpenWorkflow, StageNode } from "../../state/workflow-state.ts";
import { createMeanCosts, rankStages, type MeanCosts } from "../heft/mean-costs.ts";
import type { View } from "../policy.ts";
import { remainingWork, type RemainingWork } from "../remaining-work.ts";
import { rememberByStage, type Remembered } from "../remember.ts";
import type { FateSettings } from "./settings.ts";

export type FrontierStage = {
  readonly stage: VisibleStage;
  readonly ready: boolean;
  /** Parents in the frontier, by position, and what is read of each. */
  readonly parents: readonly { readonly position: number; readonly bytes: number }[];
  /** Outputs that lie somewhere, or will where their writer runs now. */
  readonly inputs: readonly { readonly hosts: readonly HostId[]; readonly bytes: number }[];
  /** The parents that run now have ended by then. */
  readonly releaseUs: number;
  /** Expected time of the longest path behind it. */
  readonly tailUs: number;
  /** Which one of `workflows`. */
  readonly workflow: number;
};

export type Frontier = {
  /** In order of service, parents before children. */
  readonly stages: readonly FrontierStage[];
  /** How many workflows it has stages of. */
  readonly workflows: number;
  /** Ready stages that found no place in it, in order of service. */
  readonly beyond: readonly VisibleStage[];
  /** Steps until each model is called next. */
  readonly away: ReadonlyMap<string, number>;
  readonly memory: FrontierMemory;
};

/** Work left by workflow, and per stage its upward rank and the part of it that lies behind the stage. */
export type FrontierMemory = {
  readonly work: RemainingWork;
  readonly ranks: Remembered<readonly [rankUs: number, tailUs: number]>;
};

export function pickFrontier(view: View, settings: FateSettings, before: FrontierMemory | undefined): Frontier {
  const memory = remember(view, before);
  const draft = new Draft(view, settings, memory);
  const workflows = orderWorkflows(view, memory.work, settings.patience);
  const beyond: VisibleStage[] = [];
  for (const workflow of workflows) {
    if (draft.isFull) beyond.push(...readyOf(workflow));
    else beyond.push(...draft.add(workflow));
  }
  return { ...draft.finish(), beyond, memory };
}

const knownMeans = new WeakMap<View["costs"], MeanCosts>();

/** Means do not change while a cost model lasts, so they are worked out once. */
function meanCostsOf(view: View): MeanCosts {
  const known = knownMeans.get(view.costs) ?? createMeanCosts(view);
  knownMeans.set(view.costs, known);
  return known;
}

function remember(view: View, before: FrontierMemory | undefined): FrontierMemory {
  let means: MeanCosts | undefined;
  const ranks = rememberByStage({ ...view, memory: before?.ranks }, (workflow) => {
    const costs = (means ??= meanCostsOf(view));
    return [...rankStages(workflow, costs)].map(
      ([{ stage }, rankUs]) => [stage.key, [rankUs, rankUs - costs.workUs(stage)] as const] as const,
    );
  });
  return { work: remainingWork(view, before?.work), ranks };
}

/**
 * The most urgent first, then the one with the least work left over its response ratio, (waited + work left) / work left: short
 * ones go first, and those that have waited long are not overtaken for ever (highest response ratio next, P. Brinch Hansen 1971).
 */
export function orderWorkflows(view: View, work: RemainingWork, patience: number): readonly OpenWorkflow[] {
  const urgency = new Map<WorkflowId, number>();
  for (const { workflow, priority } of view.ready)
    urgency.set(workflow, Math.max(priority, urgency.get(workflow) ?? -Infinity));
  const urgencyOf = ({ id }: OpenWorkflow): number => urgency.get(id) ?? 0;
  const turn = ({ id, arriveUs }: OpenWorkflow): number => {
    const leftUs = work[id]?.leftUs ?? 0;
    return (leftUs * leftUs) / Math.max(1, leftUs + patience * (view.nowUs - arriveUs));
  };
  return [...view.workflows.open.values()].sort(
    (left, right) => urgencyOf(right) - urgencyOf(left) || turn(left) - turn(right) || left.arriveUs - right.arriveUs,
  );
}

function readyOf({ stages }: OpenWorkflow): VisibleStage[] {
  const ready: VisibleStage[] = [];
  for (const { status, stage } of stages.values()) if (status === "ready" && stage.kind !== "tool") ready.push(stage);
  return ready;
}

/** The frontier while it is being put together. */
class Draft {
  readonly #view: View;
  readonly #settings: FateSettings;
  readonly #memory: FrontierMemory;
  readonly #stages: FrontierStage[] = [];
  readonly #positions = new Map<StageKey, number>();
  #workflows = 0;
  readonly #away = new Map<string, number>();
  readonly #endUs: Map<StageKey, number>;

  constructor(view: View, settings: FateSettings, memory: FrontierMemory) {
    this.#view = view;
    this.#settings = settings;
    this.#memory = memory;
    this.#endUs = expectedEnds(view);
  }

  get isFull(): boolean {
    return this.#stages.length >= this.#settings.frontierStages;
  }

  /** As much of the workflow as there is room for; returns the ready stages left out. */
  add(workflow: OpenWorkflow): readonly VisibleStage[] {
    const ranks = this.#memory.ranks[workflow.id]?.values ?? {};
    // Ranks are looked up once a stage: a sort would ask for them again and again.
    const near = this.#nearStages(workflow)
      .map((node) => ({ node, rankUs: ranks[node.stage.key]?.[0] ?? 0 }))
      .sort(
        (left, right) =>
          right.node.stage.priority - left.node.stage.priority ||
          right.rankUs - left.rankUs ||
          left.node.stage.ordinal - right.node.stage.ordinal,
      )
      .map(({ node }) => node);
    const index = this.#workflows;
    this.#workflows += 1;
    // Ready stages have a right to their place; what comes after them takes what is left.
    let room = this.#settings.frontierStages - this.#stages.length;
    const ready = near.filter(({ status }) => status === "ready");
    const taken = new Set(ready.slice(0, room));
    room -= taken.size;
    for (const node of near) {
      if (taken.has(node)) this.#take(node, index, ranks[node.stage.key]?.[1] ?? 0);
      else if (room > 0 && node.status !== "ready" && this.#hasItsParents(node)) {
        this.#take(node, index, ranks[node.stage.key]?.[1] ?? 0);
        room -= 1;
      }
    }
    return ready.filter((node) => !taken.has(node)).map(({ stage }) => stage);
  }

  /** Stages of the workflow that have not begun and are at most so many steps away; notes which models are called when. */
  #nearStages({ stages }: OpenWorkflow): StageNode[] {
    const near: StageNode[] = [];
    const steps = new Map<StageKey, number>();
    for (const [key, node] of stages) {
      const { stage, status, readyUs } = node;
      if (stage.kind === "tool" && (status === "running" || status === "ready"))
        this.#endUs.set(key, laterThan(this.#view.nowUs, readyUs + stage.toolUs));
      if (status !== "waiting" && (status !== "ready" || stage.kind === "tool")) continue;
      let away = 0;
      for (const { stage: parent } of stage.parents) {
        const before = stages.get(parent)?.status;
        if (before !== undefined && before !== "ended") away = Math.max(away, (steps.get(parent) ?? 0) + 1);
      }
      steps.set(key, away);
      if (stage.kind !== "tool") this.#away.set(stage.model, Math.min(away, this.#away.get(stage.model) ?? Infinity));
      if (away <= this.#settings.horizonHops) near.push(node);
    }
    return near;
  }

  #hasItsParents({ stage }: StageNode): boolean {
    return stage.parents.every(({ stage: parent }) => {
      const { status } = this.#view.workflows.node(parent);
      return (status !== "waiting" && status !== "ready") || this.#positions.has(parent) || this.#endUs.has(parent);
    });
  }

  #take({ stage, status }: StageNode, workflow: number, tailUs: number): void {
    const { nowUs, workflows, cluster } = this.#view;
    const parents: { position: number; bytes: number }[] = [];
    const inputs: { hosts: readonly HostId[]; bytes: number }[] = [];
    let releaseUs = nowUs;
    for (const { stage: key, bytes } of stage.parents) {
      const position = this.#positions.get(key);
      if (position !== undefined) {
        parents.push({ position, bytes });
        continue;
      }
      const parent = workflows.node(key);
      if (parent.status !== "ended") releaseUs = Math.max(releaseUs, this.#endUs.get(key) ?? nowUs);
      const [share] = parent.shares;
      const hosts =
        parent.status === "ended" || share === undefined
          ? parent.outputHosts
          : [cluster.engine(share.engine).holding.host.id];
      if (hosts.length > 0) inputs.push({ hosts, bytes });
    }
    this.#positions.set(stage.key, this.#stages.length);
    this.#stages.push({ stage, ready: status === "ready", parents, inputs, releaseUs, tailUs, workflow });
  }

  finish(): Pick<Frontier, "stages" | "workflows" | "away"> {
    return { stages: this.#stages, workflows: this.#workflows, away: this.#away };
  }
}

/** Of stages on engines: when they are expected to end. What is overdue is expected to take as long again as it is overdue. */
function expectedEnds({ nowUs, cluster }: View): Map<StageKey, number> {
  const ends = new Map<StageKey, number>();
  const note = (key: StageKey, endUs: number): void => {
    ends.set(key, Math.max(endUs, ends.get(key) ?? 0));
  };
  for (const engine of cluster) {
    for (const { stage, startUs, expectedUs } of engine.running)
      note(stage.key, laterThan(nowUs, startUs + expectedUs));
    let queuedUs = engine.freeAtUs(nowUs) - engine.queuedUs;
    for (const { stage, expectedUs } of engine.queue) note(stage.key, (queuedUs += expectedUs));
  }
  return ends;
}

function laterThan(nowUs: number, endUs: number): number {
  return endUs > nowUs ? endUs : nowUs + (nowUs - endUs);
}
