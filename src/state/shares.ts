/** What records about shares do to queues and to what runs. Part of `apply`. */

import { sumTerms } from "../model/decision.ts";
import type {
  ShareEnd,
  SharePreempt,
  ShareStart,
  StageDrop,
  StageLost,
  StagePlace,
  StageRedirect,
} from "../model/event.ts";
import type { VisibleModelStage, VisibleStage } from "../model/visible.ts";
import type { ClusterState } from "./cluster-state.ts";
import type { EngineState, QueuedShare, RunningShare } from "./engine-state.ts";
import { useModel } from "./residency.ts";

export function enqueueShares(cluster: ClusterState, stage: VisibleStage, event: StagePlace): void {
  if (stage.kind === "tool") throw new Error(`stage ${event.stage} is a tool and has no place`);
  for (const [index, share] of event.shares.entries()) {
    const engine = cluster.change(share.engine);
    const pair = event.decodeEngine !== undefined && event.decodeEngine !== share.engine;
    if (pair && event.decodeEngine !== undefined) cluster.change(event.decodeEngine).incoming += 1;
    const expectedUs = sumTerms(share.cost) - (pair ? share.cost.decodeUs : 0);
    enqueue(engine, {
      stage,
      share: index,
      attempt: event.attempt,
      items: share.items,
      phase: pair ? "prefill" : "whole",
      rank: event.rank,
      sequence: event.sequence,
      sinceUs: event.atUs,
      expectedUs,
      ...(event.climb === undefined ? {} : { climb: event.climb }),
      ...(event.overtakes === undefined ? {} : { overtakes: event.overtakes }),
      ...(event.victims === undefined ? {} : { victims: event.victims }),
      ...(pair ? { decodeEngine: event.decodeEngine, decodeUs: share.cost.decodeUs } : {}),
    });
  }
}

function enqueue(engine: EngineState, share: QueuedShare): void {
  let index = engine.queue.length;
  while (index > 0 && isAhead(share, engine.queue[index - 1])) index -= 1;
  engine.queue.splice(index, 0, share);
  count(engine, share, 1);
  engine.queuedUs += share.expectedUs;
  const { memoryBytes, engine: spec, models } = engine.holding;
  const bytes = models.get(share.stage.model)?.footprintBytes ?? 0;
  engine.foreseen = useModel(
    engine.foreseen,
    { memoryBytes, maxResident: spec.maxResident },
    share.stage.model,
    bytes,
    share.victims,
  );
}

/** Keeps the counts of what has to be looked for in the queue. */
function count(engine: EngineState, { climb, overtakes }: QueuedShare, by: 1 | -1): void {
  if (climb !== undefined) engine.climbing += by;
  if (overtakes !== undefined) engine.overtaking += by;
}

/** Smaller rank first; of equal rank, what was put here first. */
function isAhead(left: QueuedShare, right: QueuedShare | undefined): boolean {
  return right !== undefined && (left.rank - right.rank || left.sequence - right.sequence) < 0;
}

/** The share stands in the prefill engine's queue, or runs there. */
export function redirectShare(
  cluster: ClusterState,
  { stage, engine: id, decodeEngine, decodeUs }: StageRedirect,
): void {
  const engine = cluster.change(id);
  const change = { decodeEngine, decodeUs };
  const named = isShare({ stage, share: 0 });
  const index = engine.queue.findIndex(named);
  const share = engine.queue[index] ?? findRunning(engine, { stage, share: 0 });
  expectNoMore(cluster, share);
  cluster.change(decodeEngine).incoming += 1;
  if (index >= 0) engine.queue[index] = { ...share, ...change };
  else changeRunning(engine, { stage, share: 0 }, change);
}

type OfShare = { readonly stage: string; readonly share: number };

function isShare(event: OfShare): (queued: QueuedShare) => boolean {
  return (queued) => queued.stage.key === event.stage && queued.share === event.share;
}

export function findRunning(engine: EngineState, event: OfShare): RunningShare {
  const found = engine.running.find(isShare(event));
  if (found === undefined) throw new Error(`${event.stage}#${event.share} does not run on ${engine.id}`);
  return found;
}

export function changeRunning(engine: EngineState, event: OfShare, change: Partial<RunningShare>): RunningShare {
  const running = findRunning(engine, event);
  const changed = { ...running, ...change };
  engine.running[engine.running.indexOf(running)] = changed;
  return changed;
}

export function startShare(engine: EngineState, event: ShareStart): void {
  const index = engine.queue.findIndex(isShare(event));
  const queued = engine.queue[index];
  if (queued === undefined) throw new Error(`${event.stage}#${event.share} is not queued on ${engine.id}`);
  engine.queue.splice(index, 1);
  count(engine, queued, -1);
  engine.queuedUs = engine.queue.length === 0 ? 0 : engine.queuedUs - queued.expectedUs;
  engine.running.push({ ...queued, startUs: event.atUs, started: event.sequence, kvTokens: event.kvTokens });
  engine.kvTokens += event.kvTokens;
  shrinkPrefixes(engine, queued.stage, event.atUs);
}

export function endShare(cluster: ClusterState, event: ShareEnd): void {
  const engine = cluster.change(event.engine);
  const running = removeRunning(engine, event);
  expectNoMore(cluster, running);
  const used = engine.residents.find((resident) => resident.model === running.stage.model);
  if (used !== undefined) engine.residents = [...engine.residents.filter((resident) => resident !== used), used];
  foreseeNothingNew(engine);
}

export function preemptShare(engine: EngineState, event: SharePreempt): void {
  enqueue(engine, toQueued(removeRunning(engine, event)));
}

function toQueued(running: RunningShare): QueuedShare {
  const {
    startUs: _startUs,
    started: _started,
    kvTokens: _kvTokens,
    prefilledUs: _prefilledUs,
    arriveUs: _arriveUs,
    ...queued
  } = running;
  return queued;
}

function removeRunning(engine: EngineState, event: OfShare): RunningShare {
  const running = findRunning(engine, event);
  engine.running.splice(engine.running.indexOf(running), 1);
  engine.kvTokens -= running.kvTokens;
  return running;
}

/** With an empty queue the engine will hold what it holds. */
export function foreseeNothingNew(engine: EngineState): void {
  if (engine.queue.length === 0) engine.foreseen = engine.residents;
}

function shrinkPrefixes(engine: EngineState, stage: VisibleModelStage, nowUs: number): void {
  const cache = engine.prefixes.get(stage.model);
  const budget = engine.prefixBudgetTokens(stage.model);
  if (cache !== undefined && cache.tokens > budget) engine.changePrefixes(stage.model).shrink(budget, nowUs);
}

export function handOver(
  cluster: ClusterState,
  from: string,
  to: string,
  event: OfShare & { readonly sequence: number; readonly atUs: number },
): void {
  const sender = cluster.change(from);
  const running = findRunning(sender, event);
  const { decodeEngine: _pair, ...sent } = running;
  sender.running[sender.running.indexOf(running)] = sent;
  const queued = toQueued(sent);
  const engine = cluster.change(to);
  engine.incoming -= 1;
  enqueue(engine, {
    ...queued,
    phase: "decode",
    sequence: event.sequence,
    sinceUs: event.atUs,
    expectedUs: queued.decodeUs ?? 0,
  });
}

export function dropShares(cluster: ClusterState, lost: StageLost | StageDrop): void {
  const isLost = (share: QueuedShare): boolean => share.stage.key === lost.stage && share.attempt === lost.attempt;
  for (let index = 0; index < cluster.count; index++) {
    const seen = cluster.at(index);
    if (!seen.queue.some(isLost) && !seen.running.some(isLost)) continue;
    const engine = cluster.change(seen.id);
    for (const share of letGo(engine, isLost)) expectNoMore(cluster, share);
    foreseeNothingNew(engine);
  }
}

/** Takes these shares, queued or running, off the engine and out of its sums; returns them. */
export function letGo(engine: EngineState, isGone: (share: QueuedShare) => boolean): readonly QueuedShare[] {
  const queued = engine.queue.filter(isGone);
  const running = engine.running.filter(isGone);
  for (const share of queued) {
    engine.queuedUs -= share.expectedUs;
    count(engine, share, -1);
  }
  for (const share of running) engine.kvTokens -= share.kvTokens;
  engine.queue = engine.queue.filter((share) => !isGone(share));
  engine.running = engine.running.filter((share) => !isGone(share));
  return [...queued, ...running];
}

/** It will not be handed over, if it was to be. */
function expectNoMore(cluster: ClusterState, { decodeEngine }: QueuedShare): void {
  if (decodeEngine !== undefined) cluster.change(decodeEngine).incoming -= 1;
}
