/**
 * What orders ask of a workflow, kept up as it goes on: the standalone horizon of what is revealed, how far each call lies along it,
 * and the service that its calls have had.
 *
 * Everything follows from the workflow as it stands. It is kept beside the workflow so that a stage that has ended is looked at once,
 * and one that has not, once for each reveal or end in its workflow.
 */

import type { EngineCosts } from "../../cost/cost-model.ts";
import type { Known } from "../../cost/candidate.ts";
import type { StageKey } from "../../model/workflow.ts";
import type { OpenWorkflow, StageNode } from "../../state/workflow-state.ts";
import { bestTimesOf, type BestTimes } from "./best-times.ts";

export type WorkflowBook = {
  /**
   * Standalone completion horizon: the longest path through the revealed stages, each taking what it takes at best on the idle
   * cluster; those that have ended with the outputs that they wrote.
   */
  readonly horizonUs: number;
  /** Where each revealed stage ends on that time line. */
  readonly finishUs: ReadonlyMap<StageKey, number>;
  /** Engine time, at best, of the calls that have ended. */
  readonly servedUs: number;
  /** The same along the longest chain of ancestors of each stage, which is not counted itself. */
  readonly chainServedUs: ReadonlyMap<StageKey, number>;
  /** Logarithm to the base of 2 of the service, each part grown twofold with every half-life that it came later. */
  readonly recentServiceLog: number;
  /** Engine time, at best, of revealed calls that have not ended. */
  readonly openUs: number;
  /** Calls that have ended. */
  readonly calls: number;
};

/** llm-d's program-aware fairness halves attained service every 60 seconds. */
const halfLifeUs = 60e6;

const known = new WeakMap<readonly EngineCosts[], WeakMap<OpenWorkflow, Ledger>>();

export function bookOf({ costs }: Pick<Known, "costs">, workflow: OpenWorkflow): WorkflowBook {
  let ledgers = known.get(costs.engines);
  if (ledgers === undefined) known.set(costs.engines, (ledgers = new WeakMap()));
  let ledger = ledgers.get(workflow);
  if (ledger === undefined) ledgers.set(workflow, (ledger = new Ledger(workflow, bestTimesOf(costs))));
  ledger.keepUp();
  return ledger;
}

class Ledger implements WorkflowBook {
  readonly finishUs = new Map<StageKey, number>();
  readonly chainServedUs = new Map<StageKey, number>();
  readonly #throughUs = new Map<StageKey, number>();
  servedUs = 0;
  recentServiceLog = -Infinity;
  openUs = 0;
  horizonUs = 0;
  calls = 0;
  readonly #workflow: OpenWorkflow;
  readonly #times: BestTimes;
  /** In order of reveal, so that parents come first. */
  #unended: StageNode[] = [];
  #stages = 0;
  #open = -1;
  /** The longest path through what has ended. */
  #doneUs = 0;

  constructor(workflow: OpenWorkflow, times: BestTimes) {
    this.#workflow = workflow;
    this.#times = times;
  }

  keepUp(): void {
    const { stages, openStages } = this.#workflow;
    if (stages.size === this.#stages && openStages === this.#open) return;
    if (stages.size > this.#stages) {
      let index = 0;
      for (const node of stages.values()) if (index++ >= this.#stages) this.#unended.push(node);
    }
    this.#stages = stages.size;
    this.#open = openStages;
    this.openUs = 0;
    let longestUs = 0;
    for (const node of this.#unended) longestUs = Math.max(longestUs, this.#lookAt(node));
    this.#unended = this.#unended.filter(({ status }) => status !== "ended");
    this.horizonUs = Math.max(longestUs, this.#doneUs);
  }

  /** Where the stage ends at best. */
  #lookAt(node: StageNode): number {
    const { stage, status } = node;
    let startUs = 0;
    let servedUs = 0;
    for (const { stage: parent } of stage.parents) {
      startUs = Math.max(startUs, this.finishUs.get(parent) ?? 0);
      servedUs = Math.max(servedUs, this.#throughUs.get(parent) ?? 0);
    }
    const tookUs = this.#tookUs(node);
    const finishUs = startUs + tookUs;
    this.finishUs.set(stage.key, finishUs);
    this.chainServedUs.set(stage.key, servedUs);
    if (status === "ended") {
      const ownUs = stage.kind === "tool" ? 0 : tookUs;
      this.#throughUs.set(stage.key, servedUs + ownUs);
      this.#doneUs = Math.max(this.#doneUs, finishUs);
      if (ownUs > 0) this.#serve(ownUs, node.readyUs + ownUs);
    } else if (stage.kind !== "tool") this.openUs += tookUs;
    return finishUs;
  }

  #serve(us: number, endUs: number): void {
    this.servedUs += us;
    this.calls += 1;
    const log = Math.log2(us) + endUs / halfLifeUs;
    const most = Math.max(log, this.recentServiceLog);
    this.recentServiceLog = most + Math.log2(2 ** (log - most) + 2 ** (this.recentServiceLog - most));
  }

  /** One that may turn out not to run counts by its chance. */
  #tookUs(node: StageNode): number {
    const { stage, status, skipped } = node;
    if (skipped) return 0;
    if (stage.kind === "tool") return status === "ended" ? toolUs(node) : stage.toolUs * (stage.chance ?? 1);
    if (status === "ended") return this.#times.withOutputUs(stage, node.outputTokens);
    return this.#times.ofUs(stage) * (stage.chance ?? 1);
  }
}

/** As long as a child that waited for nothing else was kept waiting; else as long as expected. */
function toolUs({ stage, readyUs, children }: StageNode): number {
  const expectedUs = stage.kind === "tool" ? stage.toolUs : 0;
  const only = children.find((child) => child.stage.parents.length === 1 && child.readyUs > 0 && child.attempt === 0);
  return only === undefined ? expectedUs : only.readyUs - readyUs;
}
