/** Bounds of a workload of agents on a cluster, from what is known afterwards: `least-scales.ts` says what they are. */

import { toTrueStages } from "../../bound/true-workflow.ts";
import type { CostModel } from "../../cost/cost-model.ts";
import { createBestCases, type BestCases } from "../../measure/best-case.ts";
import type { ModelId } from "../../model/model.ts";
import type { Workflow } from "../../model/workflow.ts";
import { leastRates, type LeastRates } from "./least-rates.ts";
import { leastScale, type Due } from "./least-scales.ts";
import { addWork, leastPieces, type Work } from "./work.ts";

export type AgentsBounds = {
  readonly boundReq95: number;
  readonly boundReq99: number;
  /** The same for runs in which engines may change between prefill and decode at any time, even inside an iteration. */
  readonly boundReq95WithRoles: number;
  readonly boundReq99WithRoles: number;
};

export function boundAgents(workflows: readonly Workflow[], costs: CostModel, model: ModelId): AgentsBounds {
  const bestCases = createBestCases(costs);
  const standalone = workflows.map((workflow) => longestPaths(workflow, bestCases).standaloneUs);
  const kept = toDue(workflows, costs, model, standalone);
  const free = toDue(workflows, withRoles(costs), model, standalone);
  return {
    boundReq95: leastScale(kept, 0.95),
    boundReq99: leastScale(kept, 0.99),
    boundReq95WithRoles: leastScale(free, 0.95),
    boundReq99WithRoles: leastScale(free, 0.99),
  };
}

function withRoles(costs: CostModel): CostModel {
  const engines = costs.engines.map((each) => ({ ...each, engine: { ...each.engine, role: "both" as const } }));
  return { ...costs, engines };
}

function toDue(
  workflows: readonly Workflow[],
  costs: CostModel,
  model: ModelId,
  standalone: readonly number[],
): readonly Due[] {
  const outputsStay = costs.engines.some(({ engine }) => engine.role === "both");
  const pieces = leastPieces(workflows, outputsStay);
  const pools = toPools(costs, model, addWork(pieces.flat()));
  const bestCases = createBestCases(costs);
  return workflows.map((workflow, index) => ({
    arrivalUs: workflow.arrivalUs,
    standaloneUs: standalone[index] ?? 0,
    leastUs: longestPaths(workflow, bestCases).leastUs,
    spentUs: pools.map((spent) => (pieces[index] ?? []).reduce((sum, piece) => sum + spent(piece), 0)),
  }));
}

/** What a piece of work costs at the cheapest engine of a pool. */
type Spent = (piece: Work) => number;

/** A pool for each phase, or one for both where engines do both. Prices are as the engines' speeds at all of the work. */
function toPools(costs: CostModel, model: ModelId, all: Work): readonly Spent[] {
  const ratesOf = (roles: readonly string[]): readonly LeastRates[] =>
    costs.engines.flatMap((each) => {
      const held = each.models.get(model);
      return held === undefined || !roles.includes(each.engine.role) ? [] : [leastRates(each, held, all)];
    });
  const both = ratesOf(["both"]);
  if (both.length > 0) {
    const able = ratesOf(["both", "prefill", "decode"]);
    return [priced(able, (rates, work) => rates.prefillUs(work) + rates.decodeUs(work), all)];
  }
  return [
    priced(ratesOf(["prefill"]), (rates, work) => rates.prefillUs(work), all),
    priced(ratesOf(["decode"]), (rates, work) => rates.decodeUs(work), all),
  ];
}

function priced(pool: readonly LeastRates[], phaseUs: (rates: LeastRates, work: Work) => number, all: Work): Spent {
  const speeds = pool.map((rates) => 1 / phaseUs(rates, all));
  const sum = speeds.reduce((total, speed) => total + speed, 0);
  return (piece) => {
    let least = Infinity;
    for (const [index, rates] of pool.entries())
      least = Math.min(least, ((speeds[index] ?? 0) / sum) * phaseUs(rates, piece));
    return least;
  };
}

/** As `measure` has them of a run. */
function longestPaths(workflow: Workflow, bestCases: BestCases): { standaloneUs: number; leastUs: number } {
  const ends: { standaloneUs: number; leastUs: number }[] = [];
  const longest = { standaloneUs: 0, leastUs: 0 };
  for (const node of toTrueStages(workflow)) {
    const end = { standaloneUs: 0, leastUs: 0 };
    for (const { index } of node.parents) {
      end.standaloneUs = Math.max(end.standaloneUs, ends[index]?.standaloneUs ?? 0);
      end.leastUs = Math.max(end.leastUs, ends[index]?.leastUs ?? 0);
    }
    const best = node.kind === "model" ? bestCases(node.stage, node.stage.outputTokens) : undefined;
    const toolUs = node.kind === "tool" ? node.toolUs : 0;
    end.standaloneUs += best?.standaloneUs ?? toolUs;
    end.leastUs += best?.leastUs ?? toolUs;
    ends.push(end);
    longest.standaloneUs = Math.max(longest.standaloneUs, end.standaloneUs);
    longest.leastUs = Math.max(longest.leastUs, end.leastUs);
  }
  return longest;
}
