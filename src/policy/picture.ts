/**
 * A policy's own picture of the cluster while it makes one plan: a fork of what it was shown, in which each placement it has
 * made or means to make has its effect on queues, memory and residents. The next stage is then judged by the picture.
 */

import { candidateCost, waitUs, type Known } from "../cost/candidate.ts";
import { shareWork, sideBySide } from "../cost/share-work.ts";
import type { CostTerms } from "../model/decision.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import { mixesModels } from "../model/cluster.ts";
import { applyToCluster } from "../state/apply-to-cluster.ts";
import type { EngineState } from "../state/engine-state.ts";

/** Where a stage could go, as expected by the picture. */
export type Candidate = {
  readonly shares: readonly CandidateShare[];
  readonly decodeEngine?: EngineState;
  readonly endUs: number;
};

export type CandidateShare = {
  readonly engine: EngineState;
  readonly items: number;
  readonly cost: CostTerms;
};

/** Placed after all that has a place in the journal already. */
const sequence = Number.MAX_SAFE_INTEGER;

/** What is on prefill engines stands in the queues of the decode engines it will go to as well. */
export function createPicture(known: Known): Known {
  const picture = { ...known, cluster: known.cluster.fork() };
  for (const engine of known.cluster) {
    if (engine.role !== "prefill") continue;
    for (const share of engine.running) expectDecode(picture, share.stage, share.decodeUs, share.decodeEngine);
    for (const share of engine.queue) expectDecode(picture, share.stage, share.decodeUs, share.decodeEngine);
  }
  return picture;
}

/** Takes the candidate into the picture: begun if its engines can begin it, queued if not. */
export function foresee(picture: Known, stage: VisibleModelStage, { shares, decodeEngine }: Candidate): void {
  const { cluster, nowUs } = picture;
  const at = { atUs: nowUs, sequence, stage: stage.key, attempt: 0 };
  const begun = shares.map(({ engine }) => canBegin(stage, engine));
  const placed = shares.map(({ engine, items, cost }) => ({ engine: engine.id, items, cost }));
  const pair = decodeEngine === undefined ? {} : { decodeEngine: decodeEngine.id };
  applyToCluster(cluster, () => stage, { kind: "stage-place", ...at, shares: placed, rank: 0, ...pair });
  for (const [share, { engine, items, cost }] of shares.entries()) {
    expectDecode(picture, stage, cost.decodeUs, decodeEngine?.id);
    if (begun[share] !== true) continue;
    const kvTokens = expectedKvTokens(stage, engine, items);
    const phase = decodeEngine === undefined ? "whole" : "prefill";
    applyToCluster(cluster, () => stage, { kind: "share-start", ...at, share, engine: engine.id, phase, kvTokens });
    if (cost.loadUs > 0) cluster.change(engine.id).loadEndUs = nowUs + cost.loadUs;
  }
}

/** Queues the decoding, with the load that it will need there. */
function expectDecode(picture: Known, stage: VisibleModelStage, decodeUs = 0, decodeEngine?: string): void {
  if (decodeEngine === undefined) return;
  const { cluster, nowUs } = picture;
  const loadUs = missingLoadUs(picture, stage, cluster.engine(decodeEngine));
  const cost = { loadUs, transferUs: 0, prefillUs: 0, decodeUs, shardUs: 0 };
  const shares = [{ engine: decodeEngine, items: stage.items, cost }];
  const at = { atUs: nowUs, sequence, stage: stage.key, attempt: 0 };
  applyToCluster(cluster, () => stage, { kind: "stage-place", ...at, shares, rank: 0 });
}

/** Would the engine take the stage up at once? One stage at a time, or beside others of the same model while KV memory holds. */
export function canBegin(stage: VisibleModelStage, engine: EngineState): boolean {
  if (!hasPlace(engine)) return false;
  const [beside] = engine.running;
  if (beside === undefined) return true;
  if (beside.stage.model !== stage.model && !joinsOthers(stage, engine)) return false;
  if (engine.batchOf(stage.model).length === 0) return true;
  const capacity = engine.holding.models.get(stage.model)?.kvCapacityTokens ?? 0;
  return engine.kvTokensOf(stage.model) + expectedKvTokens(stage, engine, stage.items) <= capacity;
}

/** Whether the stage can run beside those of other models: where they are mixed, unless it needs a load. */
export function joinsOthers({ model }: VisibleModelStage, engine: EngineState): boolean {
  return mixesModels(engine.holding.engine) && engine.isResident(model);
}

/** Nothing waits here, no load is under way, and a place is free. */
export function hasPlace({ holding, open, role, queue, loadEndUs, running }: EngineState): boolean {
  const { batching } = holding.engine;
  const places = batching.kind === "exclusive" ? 1 : batching.maxSequences;
  return open && role !== "decode" && queue.length === 0 && loadEndUs === 0 && running.length < places;
}

/** Of so many of its items, each as long as expected, as many side by side as the engine takes. */
export function expectedKvTokens(stage: VisibleModelStage, engine: EngineState, items: number): number {
  const held = engine.holding.models.get(stage.model);
  if (held === undefined) return 0;
  const sequences = sideBySide(stage, held, engine.holding.engine.batching.maxSequences);
  return shareWork(stage, items, sequences, stage.outputTokens).kvTokens;
}

/**
 * How long until the engine can begin this stage. Batches of other models have to end first, unless it joins them. What is overdue on an exclusive
 * engine is expected to take as long again as it is overdue, or else stages would wait for it for ever.
 */
export function waitForUs(known: Known, stage: VisibleModelStage, engine: EngineState): number {
  const { nowUs } = known;
  const placeUs = waitUs(known, engine);
  const [first] = engine.running;
  if (first === undefined) return placeUs;
  if (engine.holding.engine.batching.kind === "exclusive")
    return placeUs + Math.max(0, nowUs - (first.startUs + first.expectedUs));
  if (first.stage.model === stage.model || joinsOthers(stage, engine)) return placeUs;
  let drainedUs = nowUs;
  for (const { startUs, expectedUs } of engine.running) drainedUs = Math.max(drainedUs, startUs + expectedUs);
  return Math.max(placeUs, drainedUs - nowUs);
}

/** The whole stage on one engine, or on a prefill and a decode engine. Both must be feasible. */
export function toCandidate(
  picture: Known,
  stage: VisibleModelStage,
  engine: EngineState,
  decodeEngine?: EngineState,
): Candidate {
  const pair = decodeEngine === undefined ? {} : { decodeEngine };
  const cost = candidateCost(picture, stage, engine, { items: stage.items, shards: 1, ...pair });
  const inputsUs = picture.nowUs + waitForUs(picture, stage, engine) + cost.loadUs + cost.transferUs;
  const prefilledUs = inputsUs + cost.prefillUs;
  // Where decoding must wait for its engine, the hand-over passes meanwhile.
  const freeUs = decodeEngine === undefined ? 0 : decodeFreeUs(picture, stage, decodeEngine);
  const endUs = Math.max(prefilledUs, freeUs) + cost.decodeUs + cost.shardUs;
  return { shares: [{ engine, items: stage.items, cost }], ...pair, endUs };
}

function decodeFreeUs(picture: Known, stage: VisibleModelStage, engine: EngineState): number {
  return picture.nowUs + waitForUs(picture, stage, engine) + missingLoadUs(picture, stage, engine);
}

/** Time of the load that the stage needs on the engine; 0 if its model will be there. */
export function missingLoadUs(
  { costs }: Known,
  { model }: Pick<VisibleModelStage, "model">,
  engine: EngineState,
): number {
  if (engine.foreseen.some((resident) => resident.model === model)) return 0;
  const loadUs = costs.engines[engine.holding.index]?.models.get(model)?.loadUs ?? 0;
  return Math.round(loadUs * engine.slowFactor);
}
