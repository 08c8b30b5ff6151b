/**
 * Bounds that no policy's latency undercuts, for a workflow alone on a cluster, by what is known afterwards: true lengths,
 * tools and branches. `docs/bounds.md` says why each holds and how tight they are.
 */

import type { Calibration } from "../cost/calibration.ts";
import { createCostModel, type CostModel } from "../cost/cost-model.ts";
import { shippedCalibration } from "../cost/shipped-calibration.ts";
import { createBestCases, type BestCases } from "../measure/best-case.ts";
import type { Cluster } from "../model/cluster.ts";
import type { Model } from "../model/model.ts";
import type { Workflow, WorkflowId } from "../model/workflow.ts";
import { anyOther, theseOthers, type Foreign } from "./cacheable.ts";
import { boundExclusive, type ExclusiveBound } from "./exclusive.ts";
import { toPlaces, type Places } from "./places.ts";
import { toTrueStages, type TrueStage } from "./true-workflow.ts";

/** `cold`: the cluster is as its description says and caches are empty. `any`: whatever earlier or other workflows left or leave. */
export type Start = "cold" | "any";

export type BoundTerms = {
  /** The longest path, where a stage waits for all the work before it. */
  readonly pathUs: number;
  /** Work, and loads from a cold start, over capacity. */
  readonly workUs: number;
  /** Work between the earliest begin and the least remaining time of a set of stages, with both. */
  readonly windowUs: number;
};

export type Bound = {
  readonly workflow: WorkflowId;
  /** The largest of the terms; infinite if some stage can run nowhere. */
  readonly lowerUs: number;
  readonly terms: BoundTerms;
  /** What it was worked out from, where engines run one share at a time. */
  readonly exclusive?: ExclusiveBound;
};

export type BoundOptions = {
  readonly start?: Start;
  /**
   * Whether policies may retain prefixes, which then stay cached beyond what KV memory has room for; they may unless said. For
   * policies that retain nothing the bound is higher.
   */
  readonly retained?: boolean;
  readonly calibration?: Calibration;
};

/** A bound for the latency of each workflow, in order. No others run, before or beside, than these. */
export function boundsOf(
  workflows: readonly Workflow[],
  models: readonly Model[],
  cluster: Cluster,
  { calibration = shippedCalibration, ...options }: BoundOptions = {},
): readonly Bound[] {
  const bound = createBounds(createCostModel(cluster, models, calibration));
  const foreign = theseOthers(workflows);
  return workflows.map((workflow) => bound(workflow, { ...options, foreign }));
}

/** `foreign`: what others may leave in caches; nothing is known of them unless said. */
export function createBounds(
  costs: CostModel,
): (workflow: Workflow, options?: Omit<BoundOptions, "calibration"> & { readonly foreign?: Foreign }) => Bound {
  const places = toPlaces(costs);
  const bestCases = createBestCases(costs);
  return (workflow, { start = "any", retained = true, foreign = anyOther } = {}) => {
    const stages = toTrueStages(workflow);
    const given = { cold: start === "cold", retained, foreign };
    const exclusive = places.exclusive ? boundExclusive(stages, places, costs, given) : undefined;
    const terms =
      exclusive === undefined
        ? sharedTerms(stages, places, bestCases)
        : { pathUs: exclusive.paths.longestUs, workUs: exclusive.workUs, windowUs: exclusive.windowUs };
    const lowerUs = Math.max(terms.pathUs, terms.workUs, terms.windowUs);
    return { workflow: workflow.id, lowerUs, terms, ...(exclusive && { exclusive }) };
  };
}

/** Where engines batch or hand over, a stage has one least time for all engines, and no load or transfer is counted. */
function sharedTerms(stages: readonly TrueStage[], places: Places, bestCases: BestCases): BoundTerms {
  const endUs: number[] = [];
  let pathUs = 0;
  let totalUs = 0;
  for (const [index, node] of stages.entries()) {
    let readyUs = 0;
    for (const parent of node.parents) readyUs = Math.max(readyUs, endUs[parent.index] ?? 0);
    let leastUs = node.kind === "tool" ? node.toolUs : 0;
    if (node.kind === "model") {
      const best = bestCases(node.stage, node.stage.outputTokens);
      leastUs = best?.leastUs ?? Infinity;
      totalUs += best?.leastWorkUs ?? Infinity;
    }
    endUs[index] = readyUs + leastUs;
    pathUs = Math.max(pathUs, readyUs + leastUs);
  }
  return { pathUs, workUs: Math.floor(totalUs / places.batchCount), windowUs: 0 };
}
