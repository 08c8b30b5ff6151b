/** Latencies of workflows: how long each took, how long it would have taken alone, and how long its stages waited. */

import type { EventKind, JournalEvent, WorkflowArrive } from "../model/event.ts";
import { chainTokens } from "../model/prefix.ts";
import type { VisibleStage } from "../model/visible.ts";
import type { StageKey, WorkflowId } from "../model/workflow.ts";
import type { BestCase, BestCases } from "./best-case.ts";

export type WorkflowTimes = {
  readonly workflow: WorkflowId;
  readonly class?: string;
  readonly tenant?: string;
  readonly outcome: "ended" | "abandoned";
  readonly arriveUs: number;
  /** When it ended or was abandoned. */
  readonly endUs: number;
  readonly latencyUs: number;
  /**
   * Longest path through its stages, each taking what it takes at best on the idle cluster: whole on the best engine, model
   * loaded, inputs there, nothing cached, output as long as it turned out; tools as long as they took.
   */
  readonly standaloneUs: number;
  /** Latency over standalone latency; 1 if both are 0. */
  readonly ratio: number;
  /** Longest path of times that no placement and no cache can undercut. */
  readonly leastUs: number;
  /** Engine time that its stages take at least. */
  readonly leastWorkUs: number;
  /** From ready to placed, summed over its stages and attempts. */
  readonly placementWaitUs: number;
  /** From placed, or handed over, to started, summed over its shares. */
  readonly queueWaitUs: number;
  /** Relative to arrival: as given, or as a multiple of the standalone latency. */
  readonly deadlineUs?: number;
};

type OpenStage = {
  stage: VisibleStage;
  readyUs: number;
  placedUs: number;
  handedUs: number;
  toolUs: number;
  /** Ends of the longest paths that lead through this stage. */
  standaloneEndUs: number;
  leastEndUs: number;
};

type OpenWorkflow = {
  readonly arrive: WorkflowArrive;
  readonly stages: Map<StageKey, OpenStage>;
  standaloneUs: number;
  leastUs: number;
  leastWorkUs: number;
  placementWaitUs: number;
  queueWaitUs: number;
};

/** Holds what is open; hands each workflow over when it is closed. */
export class WorkflowClock {
  readonly #bestCases: BestCases;
  readonly #onClose: (times: WorkflowTimes) => void;
  readonly #open = new Map<WorkflowId, OpenWorkflow>();
  readonly #workflowOf = new Map<StageKey, OpenWorkflow>();

  constructor(bestCases: BestCases, onClose: (times: WorkflowTimes) => void) {
    this.#bestCases = bestCases;
    this.#onClose = onClose;
  }

  /** The stage as it is known now, if its workflow is open. */
  stage(key: StageKey): VisibleStage | undefined {
    return this.#workflowOf.get(key)?.stages.get(key)?.stage;
  }

  /** The stages of an open workflow, as they are known now. */
  stagesOf(workflow: WorkflowId): readonly VisibleStage[] {
    return [...(this.#open.get(workflow)?.stages.values() ?? [])].map(({ stage }) => stage);
  }

  see(event: JournalEvent): void {
    switch (event.kind) {
      case "workflow-arrive":
        this.#open.set(event.workflow, {
          arrive: event,
          stages: new Map(),
          standaloneUs: 0,
          leastUs: 0,
          leastWorkUs: 0,
          placementWaitUs: 0,
          queueWaitUs: 0,
        });
        return;
      case "stage-reveal": {
        const workflow = this.#open.get(event.stage.workflow);
        if (workflow === undefined) return;
        workflow.stages.set(event.stage.key, { ...unknownTimes, stage: event.stage });
        this.#workflowOf.set(event.stage.key, workflow);
        return;
      }
      case "workflow-end":
      case "workflow-abandon":
        return this.#close(event.workflow, event.kind === "workflow-end" ? "ended" : "abandoned", event.atUs);
      default:
        if (stageKinds.has(event.kind)) this.#seeStage(event);
    }
  }

  #seeStage(event: JournalEvent): void {
    if (!("stage" in event) || typeof event.stage !== "string") return;
    const workflow = this.#workflowOf.get(event.stage);
    const open = workflow?.stages.get(event.stage);
    if (workflow === undefined || open === undefined) return;
    switch (event.kind) {
      case "stage-ready":
        open.readyUs = event.atUs;
        if (event.chainTokens !== undefined) open.stage = withLengths(open.stage, event.chainTokens);
        return;
      case "stage-lost":
        open.readyUs = event.atUs;
        return;
      case "stage-place":
        workflow.placementWaitUs += event.atUs - open.readyUs;
        open.placedUs = event.atUs;
        return;
      case "share-preempt":
      case "kv-transfer-end":
        open.handedUs = event.atUs;
        return;
      case "share-start":
        workflow.queueWaitUs += event.atUs - Math.max(open.placedUs, event.phase === "decode" ? open.handedUs : 0);
        return;
      case "tool-start":
        open.toolUs = event.atUs;
        return;
      case "tool-end":
        open.toolUs = event.atUs - open.toolUs;
        return;
      case "stage-end":
        return endStage(workflow, open, this.#atBest(open, event.outputTokens));
      case "stage-skip":
        return endStage(workflow, open, nothing);
      default:
        return;
    }
  }

  #atBest({ stage, toolUs }: OpenStage, outputTokens: number): BestCase {
    if (stage.kind === "tool") return { standaloneUs: toolUs, leastUs: toolUs, leastWorkUs: 0 };
    return this.#bestCases(stage, outputTokens) ?? nothing;
  }

  #close(id: WorkflowId, outcome: WorkflowTimes["outcome"], endUs: number): void {
    const workflow = this.#open.get(id);
    if (workflow === undefined) return;
    this.#open.delete(id);
    for (const key of workflow.stages.keys()) this.#workflowOf.delete(key);
    const { arrive, standaloneUs, leastUs, leastWorkUs, placementWaitUs, queueWaitUs } = workflow;
    const latencyUs = endUs - arrive.atUs;
    const deadlineUs =
      arrive.deadlineUs ?? (arrive.sloScale === undefined ? undefined : Math.round(arrive.sloScale * standaloneUs));
    this.#onClose({
      workflow: id,
      ...(arrive.class === undefined ? {} : { class: arrive.class }),
      ...(arrive.tenant === undefined ? {} : { tenant: arrive.tenant }),
      outcome,
      arriveUs: arrive.atUs,
      endUs,
      latencyUs,
      standaloneUs,
      ratio: standaloneUs > 0 ? latencyUs / standaloneUs : 1,
      leastUs,
      leastWorkUs,
      placementWaitUs,
      queueWaitUs,
      ...(deadlineUs === undefined ? {} : { deadlineUs }),
    });
  }
}

const nothing: BestCase = { standaloneUs: 0, leastUs: 0, leastWorkUs: 0 };

/** The longest paths through a stage are those through its parents and itself; a skipped one adds nothing. */
function endStage(workflow: OpenWorkflow, open: OpenStage, best: BestCase): void {
  let standaloneUs = 0;
  let leastUs = 0;
  for (const { stage: key } of open.stage.parents) {
    const parent = workflow.stages.get(key);
    standaloneUs = Math.max(standaloneUs, parent?.standaloneEndUs ?? 0);
    leastUs = Math.max(leastUs, parent?.leastEndUs ?? 0);
  }
  open.standaloneEndUs = standaloneUs + best.standaloneUs;
  open.leastEndUs = leastUs + best.leastUs;
  workflow.standaloneUs = Math.max(workflow.standaloneUs, open.standaloneEndUs);
  workflow.leastUs = Math.max(workflow.leastUs, open.leastEndUs);
  workflow.leastWorkUs += best.leastWorkUs;
}

const unknownTimes = { readyUs: 0, placedUs: 0, handedUs: 0, toolUs: 0, standaloneEndUs: 0, leastEndUs: 0 };

const stageKinds: ReadonlySet<EventKind> = new Set<EventKind>([
  "stage-ready",
  "stage-place",
  "stage-lost",
  "share-preempt",
  "kv-transfer-end",
  "share-start",
  "tool-start",
  "tool-end",
  "stage-end",
  "stage-skip",
]);

function withLengths(stage: VisibleStage, tokens: readonly number[]): VisibleStage {
  if (stage.kind === "tool") return stage;
  const chain = stage.chain.map((link, index) => ({ hash: link.hash, tokens: tokens[index] ?? link.tokens }));
  return { ...stage, chain, promptTokens: chainTokens(chain) };
}
