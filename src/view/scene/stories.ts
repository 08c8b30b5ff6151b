/** What became of each workflow and each of its stages, and when: kept while a workflow is open, and of those that are over the last ones. */

import type { EngineId } from "../../model/cluster.ts";
import type { JournalEvent, StagePlace, WorkflowArrive } from "../../model/event.ts";
import { chainTokens } from "../../model/prefix.ts";
import type { VisibleStage } from "../../model/visible.ts";
import type { StageKey, WorkflowId } from "../../model/workflow.ts";

export type WorkflowStory = {
  readonly id: WorkflowId;
  readonly arrive: WorkflowArrive;
  /** In order of reveal. */
  readonly stages: Map<StageKey, StageStory>;
  /** Infinity while it is open. */
  endUs: number;
  outcome: "open" | "ended" | "abandoned";
};

/** Times are Infinity as long as they have not come. */
export type StageStory = {
  /** Replaced when its prompt's length is known. */
  stage: VisibleStage;
  readonly workflow: WorkflowStory;
  /** Position in its workflow, by order of reveal. */
  readonly index: number;
  /** As far as they are known here. */
  readonly parents: readonly StageStory[];
  /** At best, on the idle cluster, by what was known when it was revealed and when it became ready; 0 before that is worked out. */
  expectedUs: number;
  readonly revealUs: number;
  /** Of the last attempt, like all that follows. */
  readyUs: number;
  placedUs: number;
  startUs: number;
  endUs: number;
  outcome: "open" | "ended" | "skipped" | "dropped";
  attempt: number;
  /** The placement that counts: each before it was lost. */
  place: StagePlace | undefined;
  /** Positions of all placements. */
  readonly placed: number[];
  readonly shares: ShareStory[];
  outputTokens: number;
};

export type ShareStory = {
  engine: EngineId;
  startUs: number;
  prefillUs: number;
  prefillEndUs: number;
  decodeUs: number;
  decodeEndUs: number;
  endUs: number;
  /** Waits for inputs, the longest. */
  transferEndUs: number;
  promptTokens: number;
  cachedTokens: number;
};

export class Stories {
  readonly workflows = new Map<WorkflowId, WorkflowStory>();
  readonly #over: WorkflowStory[] = [];
  readonly #stages = new Map<StageKey, StageStory>();
  readonly #mostOver: number;

  /** So many workflows that are over are kept, and up to twice as many. */
  constructor(mostOver: number) {
    this.#mostOver = mostOver;
  }

  stage(key: StageKey): StageStory | undefined {
    return this.#stages.get(key);
  }

  see(event: JournalEvent): void {
    switch (event.kind) {
      case "workflow-arrive":
        this.#forget(this.workflows.get(event.workflow));
        this.workflows.set(event.workflow, {
          id: event.workflow,
          arrive: event,
          stages: new Map(),
          endUs: Infinity,
          outcome: "open",
        });
        return;
      case "stage-reveal": {
        const workflow = this.workflows.get(event.stage.workflow);
        if (workflow === undefined) return;
        const story = createStory(workflow, event.stage, event.atUs);
        workflow.stages.set(event.stage.key, story);
        this.#stages.set(event.stage.key, story);
        return;
      }
      case "workflow-end":
      case "workflow-abandon":
        return this.#close(event);
      default:
        if ("stage" in event && typeof event.stage === "string") {
          const story = this.#stages.get(event.stage);
          if (story !== undefined) tell(story, event);
        }
    }
  }

  #close(event: Extract<JournalEvent, { kind: "workflow-end" | "workflow-abandon" }>): void {
    const workflow = this.workflows.get(event.workflow);
    if (workflow === undefined) return;
    workflow.endUs = event.atUs;
    workflow.outcome = event.kind === "workflow-end" ? "ended" : "abandoned";
    this.#over.push(workflow);
    if (this.#over.length < 2 * this.#mostOver) return;
    for (const old of this.#over.splice(0, this.#mostOver)) this.#forget(old);
  }

  #forget(workflow: WorkflowStory | undefined): void {
    if (workflow === undefined) return;
    for (const [key, story] of workflow.stages) if (this.#stages.get(key) === story) this.#stages.delete(key);
    if (this.workflows.get(workflow.id) === workflow) this.workflows.delete(workflow.id);
  }
}

function createStory(workflow: WorkflowStory, stage: VisibleStage, revealUs: number): StageStory {
  return {
    stage,
    workflow,
    index: workflow.stages.size,
    parents: stage.parents.flatMap(({ stage: key }) => workflow.stages.get(key) ?? []),
    expectedUs: 0,
    revealUs,
    readyUs: Infinity,
    placedUs: Infinity,
    startUs: Infinity,
    endUs: Infinity,
    outcome: "open",
    attempt: 0,
    place: undefined,
    placed: [],
    shares: [],
    outputTokens: 0,
  };
}

function createShare(engine: EngineId): ShareStory {
  return {
    engine,
    startUs: Infinity,
    prefillUs: Infinity,
    prefillEndUs: Infinity,
    decodeUs: Infinity,
    decodeEndUs: Infinity,
    endUs: Infinity,
    transferEndUs: 0,
    promptTokens: 0,
    cachedTokens: 0,
  };
}

function tell(story: StageStory, event: JournalEvent): void {
  switch (event.kind) {
    case "stage-ready":
      story.readyUs = event.atUs;
      if (event.chainTokens !== undefined) story.stage = withLengths(story.stage, event.chainTokens);
      return;
    case "stage-place":
      story.place = event;
      story.placed.push(event.sequence);
      story.placedUs = event.atUs;
      story.attempt = event.attempt;
      story.shares.splice(0, story.shares.length, ...event.shares.map(({ engine }) => createShare(engine)));
      return;
    case "stage-lost":
      Object.assign(story, {
        readyUs: event.atUs,
        placedUs: Infinity,
        startUs: Infinity,
        attempt: event.attempt + 1,
        place: undefined,
      });
      story.shares.length = 0;
      return;
    case "tool-start":
      story.startUs = event.atUs;
      return;
    case "stage-end":
    case "stage-skip":
    case "stage-drop":
      story.endUs = event.atUs;
      story.outcome = event.kind === "stage-end" ? "ended" : event.kind === "stage-skip" ? "skipped" : "dropped";
      if (event.kind === "stage-end") story.outputTokens = event.outputTokens;
      return;
    default:
      if ("share" in event) tellShare(story, event);
  }
}

type OfShare = Extract<JournalEvent, { readonly share: number }>;

function tellShare(story: StageStory, event: OfShare): void {
  const share = (story.shares[event.share] ??= createShare(event.engine));
  switch (event.kind) {
    case "share-start":
      story.startUs = Math.min(story.startUs, event.atUs);
      // Of a pair, the second engine goes on with what the first began.
      if (event.phase !== "decode") share.startUs = event.atUs;
      share.engine = event.engine;
      return;
    case "transfer-end":
      share.transferEndUs = Math.max(share.transferEndUs, event.atUs);
      return;
    case "prefill-start":
      share.prefillUs = event.atUs;
      share.promptTokens = event.promptTokens;
      share.cachedTokens = event.cachedTokens;
      return;
    case "prefill-end":
      share.prefillEndUs = event.atUs;
      return;
    case "decode-start":
      share.decodeUs = event.atUs;
      return;
    case "decode-end":
      share.decodeEndUs = event.atUs;
      return;
    case "share-end":
      share.endUs = event.atUs;
      return;
    case "share-preempt":
      Object.assign(share, createShare(event.engine));
      return;
    default:
  }
}

function withLengths(stage: VisibleStage, tokens: readonly number[]): VisibleStage {
  if (stage.kind === "tool") return stage;
  const chain = stage.chain.map((link, index) => ({ hash: link.hash, tokens: tokens[index] ?? link.tokens }));
  return { ...stage, chain, promptTokens: chainTokens(chain) };
}

/** How far a stage was at a time. */
export function statusAt(
  story: StageStory,
  atUs: number,
): "unseen" | "waiting" | "ready" | "placed" | "running" | "over" {
  if (story.revealUs > atUs) return "unseen";
  if (story.endUs <= atUs) return "over";
  if (story.startUs <= atUs) return "running";
  if (story.placedUs <= atUs) return "placed";
  return story.readyUs <= atUs ? "ready" : "waiting";
}
