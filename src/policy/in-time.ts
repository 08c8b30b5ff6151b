/** Whether a stage that is held back could begin by a given time if it went before all that is queued, expected with caution. */

import { isFeasible, type Known } from "../cost/candidate.ts";
import { shareWork, sideBySide } from "../cost/share-work.ts";
import type { EngineId } from "../model/cluster.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import type { EngineState, RunningShare } from "../state/engine-state.ts";
import { handsOver, pickDecodeEngine } from "./choose.ts";
import { canBegin, joinsOthers, missingLoadUs } from "./picture.ts";

/** Smaller than any rank that a policy gives: ahead of all that it has queued. */
export const firstRank = -1e15;

/** Answers may be longer than expected: so many times the rest of what runs is reckoned with. */
const caution = 1.5;

/** When some engine could begin it, those excepted left out; Infinity if none may. Looks no further than for what is early enough. */
export function firstBeginUs(
  known: Known,
  stage: VisibleModelStage,
  enoughUs = -Infinity,
  except: readonly EngineId[] = [],
): number {
  let firstUs = Infinity;
  const mayTake = createMayTake(known, stage);
  for (let index = 0; index < known.cluster.count && firstUs >= enoughUs; index++) {
    const engine = known.cluster.at(index);
    if (!engine.open || !engine.holding.models.has(stage.model) || except.includes(engine.id)) continue;
    const atUs = beginsByUs(known, stage, engine);
    if (atUs < firstUs && mayTake(engine)) firstUs = atUs;
  }
  return firstUs;
}

/** Whether there is an engine that could take it, however late. */
export function hasEngine(known: Known, stage: VisibleModelStage): boolean {
  const mayTake = createMayTake(known, stage);
  for (const engine of known.cluster) if (mayTake(engine)) return true;
  return false;
}

/** As `canTake`, but whether any engine can decode it is asked once. */
function createMayTake(known: Known, stage: VisibleModelStage): (engine: EngineState) => boolean {
  let isDecodable: boolean | undefined;
  return (engine) => {
    if (!isFeasible(known, stage, engine)) return false;
    return !handsOver(stage, engine) || (isDecodable ??= pickDecodeEngine(known, stage) !== undefined);
  };
}

/** When its model is there, and room for it. What is overdue is expected to take as long again as it is overdue. */
export function beginsByUs(known: Known, stage: VisibleModelStage, engine: EngineState): number {
  const { nowUs } = known;
  const loadedUs = Math.max(nowUs, engine.loadEndUs) + missingLoadUs(known, stage, engine);
  const ahead = engine.queue.filter(({ rank }) => rank <= firstRank);
  if (ahead.length === 0 && (engine.running.length === 0 || canBegin(stage, engine))) return loadedUs;
  const isOfModel = (share: { readonly stage: VisibleModelStage }): boolean => share.stage.model === stage.model;
  const aheadUs = Math.max(0, ...ahead.map(({ expectedUs }) => expectedUs));
  const isBatched = engine.holding.engine.batching.kind === "batched";
  const joins = isBatched && ahead.length === 0 && (engine.running.every(isOfModel) || joinsOthers(stage, engine));
  const roomUs = joins ? fitsInUs(stage, engine, nowUs) : lastLeftUs(engine, nowUs);
  return loadedUs + Math.round(caution * (roomUs + aheadUs));
}

/** Until so much of a batch has ended that the stage can join the rest. */
function fitsInUs(stage: VisibleModelStage, engine: EngineState, nowUs: number): number {
  const { running, holding } = engine;
  const beside = engine.batchOf(stage.model);
  const held = holding.models.get(stage.model);
  const { maxSequences } = holding.engine.batching;
  const ownTokens =
    held === undefined
      ? 0
      : shareWork(stage, stage.items, sideBySide(stage, held, maxSequences), stage.outputTokens).kvTokens;
  let freeTokens = (held?.kvCapacityTokens ?? 0) - engine.kvTokensOf(stage.model);
  let places = maxSequences - running.length;
  const ends = running
    .map((share) => ({ share, leftUs: leftOf(share, nowUs) }))
    .sort((left, right) => left.leftUs - right.leftUs);
  let waitUs = 0;
  for (const { share, leftUs } of ends) {
    if (freeTokens >= ownTokens && places > 0) break;
    if (beside.includes(share)) freeTokens += share.kvTokens;
    places += 1;
    waitUs = leftUs;
  }
  return waitUs;
}

function lastLeftUs({ running }: EngineState, nowUs: number): number {
  return Math.max(0, ...running.map((share) => leftOf(share, nowUs)));
}

function leftOf({ startUs, expectedUs }: RunningShare, nowUs: number): number {
  return Math.abs(startUs + expectedUs - nowUs);
}
