/**
 * Orders of calls that know nothing of engines: the yardsticks of `hexagent`. Each is a function from what is known to a stage's
 * urgency, which is its place in the engines' queues as well.
 */

import type { Known } from "../../cost/candidate.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { StageNode } from "../../state/workflow-state.ts";
import { likenessOf } from "../likeness.ts";
import type { View } from "../policy.ts";
import { bestTimesOf } from "./best-times.ts";
import { bookOf } from "./workflow-book.ts";

/** As in a `Place`: smaller rank first, and the rank falls by `climb` with every second. */
export type Urgency = {
  readonly rank: number;
  readonly climb: number;
};

export type Order = (known: Known, stage: VisibleModelStage, node: StageNode) => Urgency;

/** What a workflow may take of its standalone horizon where it brings no deadline: 2, as services promise twice the idle time. */
const sloScale = 2;

export const orders = {
  /** The call that has waited longest. */
  fcfs: (_known, _stage, { readyUs }) => fixed(readyUs),
  /** The workflow that came first. */
  "workflow-fcfs": (_known, _stage, { workflow }) => fixed(workflow.arriveUs),
  /** The least slack: deadline - now - what remains, of which the clock takes the same from all. */
  "workflow-llf": (known, stage, node) => fixed(deadlineUs(known, node) - remainingUs(known, stage, node)),
  /** The earliest deadline. */
  edf: (known, _stage, node) => fixed(deadlineUs(known, node)),
  /** The shortest call. */
  sjf: ({ costs }, stage) => fixed(bestTimesOf(costs).ofUs(stage)),
  /** The workflow with the least work left, as far as it is revealed. */
  srpt: (known, _stage, { workflow }) => fixed(bookOf(known, workflow).openUs),
  /** The workflow that has had the least service: PLAS (Autellix), service being engine time at best. */
  "agents-plas": (known, _stage, { workflow }) => fixed(bookOf(known, workflow).servedUs),
  /** The call with the least service along its ancestors: ATLAS (Autellix). */
  "agents-atlas": (known, { key }, { workflow }) => fixed(bookOf(known, workflow).chainServedUs.get(key) ?? 0),
  /** The workflow that has had the least service lately. All service fades alike, so that its logarithm orders for good. */
  las: (known, _stage, { workflow }) => fixed(Math.max(-1e9, bookOf(known, workflow).recentServiceLog)),
  /** The call that costs the least where most of its prompt is cached, less what its end makes ready: one hop ahead. */
  "one-hop": (known, stage, node) => fixed(uncachedUs(known, stage) - releasedUs(known, node)),
  /** The workflow that is furthest behind its standalone horizon once the call has ended, at best. */
  risk: (known, stage, node) => riskUrgency(known, node, bestTimesOf(known.costs).ofUs(stage)),
} as const satisfies Record<string, Order>;

export type OrderName = keyof typeof orders;

/**
 * Risk is `((t - arrival) + D) / H` at time t, with D until the call ends and H the horizon: linear in time, so it is a rank that
 * climbs. Seconds.
 */
export function riskUrgency(
  known: Known,
  { workflow }: StageNode,
  untilEndUs: number,
  { restUs, slowdown }: Rest = noRest,
): Urgency {
  const horizonS = Math.max(leastHorizonUs, bookOf(known, workflow).horizonUs + restUs) / 1e6;
  return { rank: (workflow.arriveUs - untilEndUs - slowdown * restUs) / 1e6 / horizonS, climb: 1 / horizonS };
}

/** What is expected to follow behind the horizon: at best, and how many times that it will take. */
export type Rest = { readonly restUs: number; readonly slowdown: number };
const noRest: Rest = { restUs: 0, slowdown: 1 };

/** A workflow that takes no time at all is as late as one of a millisecond. */
const leastHorizonUs = 1000;

export type Call = { readonly stage: VisibleModelStage; readonly urgency: Urgency };

/**
 * The most urgent first: by priority, then by urgency now, then in order of reveal. Of those alike no more than so many, so that they do
 * not hide others.
 */
export function inOrder({ ready, workflows, nowUs, ...known }: View, order: Order, most = Infinity): readonly Call[] {
  const all = { ...known, workflows, nowUs };
  const calls = ready.map((stage) => ({ stage, urgency: order(all, stage, workflows.node(stage.key)) }));
  if (calls.length < 2) return calls;
  if (calls.length <= most) return sorted(calls, nowUs);
  const alike = Map.groupBy(calls, ({ stage }) => likenessOf(stage));
  const first = Array.from(alike.values(), (own) => firstOf(own, most, nowUs));
  return first.length === 1 ? (first[0] ?? []) : sorted(first.flat(), nowUs);
}

function sorted(calls: Call[], nowUs: number): Call[] {
  return calls.sort(
    (left, right) =>
      right.stage.priority - left.stage.priority ||
      keyAt(left.urgency, nowUs) - keyAt(right.urgency, nowUs) ||
      left.stage.ordinal - right.stage.ordinal,
  );
}

function firstOf(calls: Call[], most: number, nowUs: number): Call[] {
  if (calls.length <= 2 * most || calls.some(({ stage }) => stage.priority !== 0))
    return sorted(calls, nowUs).slice(0, most);
  // Numbers sort much faster than calls, and show where the first ones end.
  const keys = Float64Array.from(calls, ({ urgency }) => keyAt(urgency, nowUs)).sort();
  const lastKey = keys[most - 1] as number;
  return sorted(
    calls.filter(({ urgency }) => keyAt(urgency, nowUs) <= lastKey),
    nowUs,
  ).slice(0, most);
}

/** What queues are sorted by at a time. */
export function keyAt({ rank, climb }: Urgency, nowUs: number): number {
  return rank - (climb * nowUs) / 1e6;
}

function fixed(rank: number): Urgency {
  return { rank, climb: 0 };
}

function deadlineUs(known: Known, { workflow }: StageNode): number {
  const { arriveUs, deadlineUs: given, sloScale: scale = sloScale } = workflow;
  return arriveUs + (given ?? scale * bookOf(known, workflow).horizonUs);
}

/** From the call's start to the horizon. */
function remainingUs(known: Known, stage: VisibleModelStage, { workflow }: StageNode): number {
  const { horizonUs, finishUs } = bookOf(known, workflow);
  return horizonUs - (finishUs.get(stage.key) ?? 0) + bestTimesOf(known.costs).ofUs(stage);
}

/** At best, less the prompt's share of it that some engine has cached. */
function uncachedUs({ costs, cluster }: Known, stage: VisibleModelStage): number {
  const { ofUs, withOutputUs } = bestTimesOf(costs);
  let cachedTokens = 0;
  for (let index = 0; index < cluster.count; index++) {
    const engine = cluster.at(index);
    if (engine.role !== "decode") cachedTokens = Math.max(cachedTokens, engine.cachedTokens(stage));
  }
  const cachedShare = Math.min(1, cachedTokens / Math.max(1, stage.promptTokens));
  return ofUs(stage) - cachedShare * withOutputUs(stage, Math.min(1, stage.outputTokens));
}

/** Work that nothing but this call keeps waiting, as far as it is revealed. */
function releasedUs({ costs }: Known, { children }: StageNode): number {
  const { ofUs } = bestTimesOf(costs);
  let us = 0;
  for (const { stage, parentsOpen } of children) if (parentsOpen === 1 && stage.kind !== "tool") us += ofUs(stage);
  return us;
}
