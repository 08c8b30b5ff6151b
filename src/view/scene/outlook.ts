/** How a workflow stands: what is left of it at the least, whether its deadline can be met, and the path that decides it. */

import type { CostModel } from "../../cost/cost-model.ts";
import { createBestCases, type BestCases } from "../../measure/best-case.ts";
import type { StageKey } from "../../model/workflow.ts";
import type { StageStory, WorkflowStory } from "./stories.ts";

export type Outlook = {
  /** Stages that are over, and all that are revealed. */
  readonly done: number;
  readonly stages: number;
  /** When it ends if nothing more is waited for; when it ended if it has. */
  readonly endUs: number;
  /** On the clock; undefined if it has none. */
  readonly deadlineUs: number | undefined;
  /** Its time until then, over that alone on the idle cluster. */
  readonly stretch: number;
  readonly risk: Risk;
  /** Larger is more urgent. */
  readonly urgency: number;
};

/** `met` and `missed` are known, the others are expected. */
export type Risk = "late" | "risky" | "tight" | "fine" | "none" | "met" | "missed" | "over";

/** A deadline of which more than this share is used up is tight. */
const tightShare = 0.8;

/** What is expected of stages and workflows, by the costs as they are known. */
export class Outlooks {
  #best: BestCases;
  /** Ends of stages by their position, for one workflow after another. */
  #ends: number[] = [];

  constructor(costs: CostModel) {
    this.#best = createBestCases(costs);
  }

  /** From now on by other costs: observation has corrected them. What was expected before stays. */
  renew(costs: CostModel): void {
    this.#best = createBestCases(costs);
  }

  /** To be called when the stage is revealed, and when its prompt's length is known. */
  expect(story: StageStory): void {
    const { stage } = story;
    story.expectedUs =
      stage.kind === "tool" ? stage.toolUs : (this.#best(stage, stage.outputTokens)?.standaloneUs ?? 0);
  }

  /** As seen at `nowUs`, which may be long ago. Costs a pass over the stages and their parents. */
  of(workflow: WorkflowStory, nowUs: number): Outlook {
    const { arrive } = workflow;
    const aloneUs = this.#alone(workflow);
    const over = workflow.endUs <= nowUs;
    const { done, stages, endUs } = over
      ? { done: workflow.stages.size, stages: workflow.stages.size, endUs: workflow.endUs }
      : this.#ahead(workflow, nowUs);
    const relativeUs = arrive.deadlineUs ?? (arrive.sloScale === undefined ? undefined : arrive.sloScale * aloneUs);
    const deadlineUs = relativeUs === undefined ? undefined : arrive.atUs + relativeUs;
    const stretch = aloneUs > 0 ? (endUs - arrive.atUs) / aloneUs : 1;
    const usedShare = relativeUs === undefined || relativeUs <= 0 ? undefined : (endUs - arrive.atUs) / relativeUs;
    const risk = toRisk(usedShare, over, deadlineUs !== undefined && nowUs > deadlineUs);
    // Whatever has a deadline is more urgent than what has none, but for what is very late against itself.
    const urgency = over ? -1 : (usedShare ?? stretch / 20);
    return { done, stages, endUs, deadlineUs, stretch, risk, urgency };
  }

  /** If nothing more is waited for. */
  #ahead(workflow: WorkflowStory, nowUs: number): Pick<Outlook, "done" | "stages" | "endUs"> {
    let [done, stages, endUs] = [0, 0, nowUs];
    for (const story of workflow.stages.values()) {
      if (story.revealUs > nowUs) break;
      stages += 1;
      if (story.endUs <= nowUs) done += 1;
      endUs = Math.max(endUs, this.#foresee(story, nowUs));
    }
    return { done, stages, endUs };
  }

  /** When it ended, or will at the earliest. Parents must have been foreseen before. */
  #foresee(story: StageStory, nowUs: number): number {
    const ends = this.#ends;
    if (story.endUs <= nowUs) return (ends[story.index] = story.endUs);
    let beginUs = nowUs;
    for (const parent of story.parents) beginUs = Math.max(beginUs, ends[parent.index] ?? 0);
    const spentUs = story.startUs <= nowUs ? nowUs - story.startUs : 0;
    return (ends[story.index] = beginUs + Math.max(0, story.expectedUs - spentUs));
  }

  /** Its longest path, each stage taking what it is expected to. */
  #alone(workflow: WorkflowStory): number {
    const ends = this.#ends;
    let longestUs = 0;
    for (const story of workflow.stages.values()) {
      let beginUs = 0;
      for (const parent of story.parents) beginUs = Math.max(beginUs, ends[parent.index] ?? 0);
      ends[story.index] = beginUs + story.expectedUs;
      longestUs = Math.max(longestUs, beginUs + story.expectedUs);
    }
    return longestUs;
  }

  /** From the first stage to the last one: each the parent that the next one waited for, or will wait for, longest. */
  criticalPath(workflow: WorkflowStory, nowUs: number): StageKey[] {
    let last: StageStory | undefined;
    let latestUs = -1;
    for (const story of workflow.stages.values()) {
      if (story.revealUs > nowUs) break;
      const endUs = this.#foresee(story, nowUs);
      if (story.outcome !== "skipped" && endUs > latestUs) [last, latestUs] = [story, endUs];
    }
    const path: StageKey[] = [];
    for (let at = last; at !== undefined; at = lastOf(at.parents, ({ index }) => this.#ends[index] ?? 0))
      path.unshift(at.stage.key);
    return path;
  }
}

function toRisk(usedShare: number | undefined, over: boolean, past: boolean): Risk {
  if (usedShare === undefined) return over ? "over" : "none";
  if (over) return usedShare <= 1 ? "met" : "missed";
  if (past) return "late";
  if (usedShare > 1) return "risky";
  return usedShare > tightShare ? "tight" : "fine";
}

/** The parent that ended last, by the order of reveal among equals. */
export function lastParent({ parents }: StageStory): StageStory | undefined {
  return lastOf(parents, ({ endUs }) => endUs);
}

function lastOf(stories: readonly StageStory[], endOf: (story: StageStory) => number): StageStory | undefined {
  let last: StageStory | undefined;
  let latestUs = -1;
  for (const story of stories) {
    const endUs = endOf(story);
    if (endUs > latestUs) [last, latestUs] = [story, endUs];
  }
  return last;
}
