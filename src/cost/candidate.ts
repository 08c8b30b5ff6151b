/**
 * What placing a stage on an engine is expected to cost, conditional on state: a load is free where the model is or will be
 * resident, a transfer where the parent's output lies, a prefill as far as the prefix is cached.
 */

import type { CostTerms } from "../model/decision.ts";
import type { HostId } from "../model/cluster.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import type { ClusterState } from "../state/cluster-state.ts";
import type { EngineState } from "../state/engine-state.ts";
import type { StageNode, WorkflowState } from "../state/workflow-state.ts";
import type { CostModel } from "./cost-model.ts";
import { decodeStepsUs } from "./decode.ts";
import { shareDecodeUs, sharePrefillUs } from "./phase.ts";
import { shardUs } from "./shard.ts";
import { shareWork, sideBySide } from "./share-work.ts";
import { kvTransferUs, transferUs, type Route } from "./transfer.ts";

/** What is known now: all that a cost is conditional on. */
export type Known = {
  readonly nowUs: number;
  readonly cluster: ClusterState;
  readonly workflows: WorkflowState;
  readonly costs: CostModel;
};

export type CandidateOptions = {
  readonly items: number;
  /** Shares the stage is split into, this one included. */
  readonly shards: number;
  readonly decodeEngine?: EngineState;
};

/** May this engine take this stage at all, given where its inputs lie? A decode engine takes none from the outside. */
export function isFeasible(known: Known, stage: VisibleModelStage, engine: EngineState): boolean {
  return engine.open && engine.role !== "decode" && canServe(stage, engine) && isReachable(known, stage, engine);
}

/** Allowed, able to hold the model, and with KV memory for the longest answer. */
export function canServe(stage: VisibleModelStage, engine: EngineState): boolean {
  const { engine: spec, models, partOf: id = spec.id } = engine.holding;
  const held = models.get(stage.model);
  if (held === undefined) return false;
  if (stage.allow?.engines !== undefined && !stage.allow.engines.includes(id)) return false;
  if (stage.allow?.avoid?.includes(id) === true) return false;
  if (stage.allow?.labels !== undefined && !stage.allow.labels.every((label) => spec.labels.includes(label)))
    return false;
  return shareWork(stage, 1, 1, stage.limitTokens).kvTokens <= held.kvCapacityTokens;
}

/** Is there a way here for every input? */
export function isReachable(known: Known, stage: VisibleModelStage, engine: EngineState): boolean {
  for (const { stage: parent } of stage.parents) {
    const { outputHosts } = known.workflows.node(parent);
    if (outputHosts.length > 0 && bestRoute(known.costs, outputHosts, engine.holding.host.id, 0) === undefined)
      return false;
  }
  return true;
}

/** Expected terms of one share on one engine. The engine must be feasible. */
export function candidateCost(
  known: Known,
  stage: VisibleModelStage,
  engine: EngineState,
  options: CandidateOptions,
): CostTerms {
  const { costs } = known;
  const onEngine = costs.engines[engine.holding.index]?.models.get(stage.model);
  if (onEngine === undefined) throw new Error(`${engine.id} cannot hold ${stage.model}`);
  const slow = engine.slowFactor;
  const sequences = sideBySide(stage, onEngine, engine.holding.engine.batching.maxSequences);
  const work = shareWork(stage, options.items, sequences, stage.outputTokens);
  const foreseen = engine.foreseen.some((resident) => resident.model === stage.model);
  const pair = options.decodeEngine;
  return {
    loadUs: foreseen ? 0 : Math.round(onEngine.loadUs * slow),
    transferUs: inputTransferUs(known, stage, engine),
    prefillUs: Math.round(sharePrefillUs(onEngine.rates, work, options.items, engine.cachedTokens(stage)) * slow),
    decodeUs:
      pair === undefined || pair === engine
        ? expectedDecodeUs(known, stage, engine, options.items)
        : handedOverUs(known, stage, engine, pair, options.items),
    shardUs: shardUs(options.shards),
  };
}

/** Inputs travel side by side on different ways, and one after another on a serial one. */
export function inputTransferUs(known: Known, stage: VisibleModelStage, engine: EngineState): number {
  const to = engine.holding.host.id;
  const perWay = new Map<string, number>();
  let longestUs = 0;
  for (const { stage: parent, bytes } of stage.parents) {
    const { outputHosts } = known.workflows.node(parent);
    if (outputHosts.length === 0 || outputHosts.includes(to)) continue;
    const route = bestRoute(known.costs, outputHosts, to, bytes)?.route;
    if (route === undefined) continue;
    const aheadUs = route.serial ? (perWay.get(route.id) ?? waitForWayUs(known, route)) : 0;
    const total = aheadUs + transferUs(route, bytes);
    perWay.set(route.id, total);
    longestUs = Math.max(longestUs, total);
  }
  return longestUs;
}

/** Until the way has passed what it was given. */
export function waitForWayUs({ cluster, nowUs }: Pick<Known, "cluster" | "nowUs">, route: Route): number {
  return route.serial ? Math.max(0, cluster.linkFreeAtUs(route.id) - nowUs) : 0;
}

/** The fastest way from any of the hosts that have an output; of equal ways, from the host named first. */
export function bestRoute(
  costs: CostModel,
  from: StageNode["outputHosts"],
  to: HostId,
  bytes: number,
): { readonly from: HostId; readonly route: Route | undefined } | undefined {
  if (from.includes(to)) return { from: to, route: undefined };
  let best: { from: HostId; route: Route } | undefined;
  for (const host of from) {
    const route = costs.route(host, to);
    if (route === undefined) continue;
    if (best === undefined || transferUs(route, bytes) < transferUs(best.route, bytes)) best = { from: host, route };
  }
  return best;
}

/** Alone on an exclusive engine; beside what decodes in its batch now on a batched one. */
function expectedDecodeUs(known: Known, stage: VisibleModelStage, engine: EngineState, items: number): number {
  const onEngine = known.costs.engines[engine.holding.index]?.models.get(stage.model);
  if (onEngine === undefined) return 0;
  const { rates } = onEngine;
  const { batching } = engine.holding.engine;
  const work = shareWork(stage, items, sideBySide(stage, onEngine, batching.maxSequences), stage.outputTokens);
  if (batching.kind === "exclusive") return Math.round(shareDecodeUs(rates, work) * engine.slowFactor);
  const beside = Math.min(batching.maxSequences - 1, engine.batchOf(stage.model).length);
  const sequences = work.sequences + beside;
  const contextTokens = work.sequences * work.contextTokens + engine.kvTokensOf(stage.model);
  return Math.round(decodeStepsUs(rates, sequences, contextTokens, work.decodeSteps) * engine.slowFactor);
}

function handedOverUs(
  known: Known,
  stage: VisibleModelStage,
  engine: EngineState,
  decodeEngine: EngineState,
  items: number,
): number {
  const model = known.costs.models.get(stage.model);
  if (model === undefined) return 0;
  const sentUs = kvTransferUs(engine.holding.host, model.kvBytesPerToken, stage.promptTokens);
  const queuedUs = Math.max(0, engine.nicFreeAtUs - known.nowUs);
  return queuedUs + sentUs + expectedDecodeUs(known, stage, decodeEngine, items);
}

/** How long until the engine can begin: an exclusive one when it is free, a batched one when it has a place. */
export function waitUs(known: Known, engine: EngineState): number {
  const { batching } = engine.holding.engine;
  if (batching.kind === "exclusive") return engine.freeAtUs(known.nowUs) - known.nowUs;
  const loadingUs = Math.max(0, engine.loadEndUs - known.nowUs);
  const full = engine.running.length >= batching.maxSequences;
  return loadingUs + Math.round((engine.queuedUs + (full ? oldestLeftUs(known, engine) : 0)) / batching.maxSequences);
}

function oldestLeftUs(known: Known, engine: EngineState): number {
  let totalUs = 0;
  for (const running of engine.running) totalUs += Math.max(0, running.startUs + running.expectedUs - known.nowUs);
  return totalUs;
}
