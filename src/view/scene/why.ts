/**
 * Why a stage went where it went: every engine with what the stage would have cost there, by the same costs and the same state that
 * the decision was made with, since the record tells only those of the engine that was chosen.
 */

import { canServe, candidateCost, isReachable, waitUs, type Known } from "../../cost/candidate.ts";
import type { EngineId } from "../../model/cluster.ts";
import { sumTerms, type CostTerms } from "../../model/decision.ts";
import type { StagePlace } from "../../model/event.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { EngineState } from "../../state/engine-state.ts";
import type { Moment } from "./moment.ts";
import type { Tape } from "./tape.ts";

export type Why = {
  readonly place: StagePlace;
  readonly policy: string;
  readonly stage: VisibleModelStage;
  /** Those that were chosen, then by expected end; of those that could not be, each with its reason. */
  readonly candidates: readonly Candidate[];
  /** In a sentence. */
  readonly decided: string;
};

export type Candidate = {
  readonly engine: EngineId;
  readonly chosen: boolean;
  /** Why it could not be; absent if it could. */
  readonly ruledOut?: string;
  /** Expected, of the same share as that chosen first. Absent if it could not be. */
  readonly cost?: CostTerms;
  /** Until it could begin. */
  readonly waitUs: number;
  /** Tokens of its prompt that are cached there. */
  readonly cachedTokens: number;
  readonly resident: boolean;
  readonly queued: number;
  readonly running: number;
};

/** Undefined if the record is not of a placement, or what was before it is not kept any more. */
export function explainPlace(tape: Tape, sequence: number): Why | undefined {
  const place = tape.record(sequence);
  if (place?.kind !== "stage-place") return undefined;
  const moment = tape.momentAt(sequence - 1);
  const { stage } = moment.state.workflows.node(place.stage);
  if (stage.kind === "tool") return undefined;
  const known = { ...toKnown(moment), nowUs: place.atUs };
  const candidates = [...moment.state.cluster].map((engine) => toCandidate(known, stage, engine, place));
  candidates.sort(compareCandidates);
  return {
    place,
    policy: tape.header.policy,
    stage,
    candidates,
    decided: explain(place, candidates, tape.header.policy),
  };
}

function toKnown({ nowUs, state: { cluster, workflows }, costs }: Moment): Known {
  return { nowUs, cluster, workflows, costs };
}

function toCandidate(known: Known, stage: VisibleModelStage, engine: EngineState, place: StagePlace): Candidate {
  const share = place.shares.find(({ engine: id }) => id === engine.id);
  const items = share?.items ?? place.shares[0]?.items ?? stage.items;
  const facts = {
    engine: engine.id,
    chosen: share !== undefined,
    waitUs: waitUs(known, engine),
    cachedTokens: engine.cachedTokens(stage),
    resident: engine.isResident(stage.model),
    queued: engine.queue.length,
    running: engine.running.length,
  };
  const ruledOut = share === undefined ? findReason(known, stage, engine) : undefined;
  if (ruledOut !== undefined) return { ...facts, ruledOut };
  // An engine that only prefills needs the other half of a pair: the one of this placement.
  const pair =
    place.decodeEngine === undefined || engine.role === "both" ? undefined : known.cluster.engine(place.decodeEngine);
  const chosenPair =
    share === undefined || place.decodeEngine === undefined ? pair : known.cluster.engine(place.decodeEngine);
  if (share === undefined && engine.role === "prefill" && pair === undefined && stage.kind !== "embed")
    return { ...facts, ruledOut: "it only prefills, and no other engine would decode" };
  const options = {
    items,
    shards: place.shares.length,
    ...(chosenPair === undefined ? {} : { decodeEngine: chosenPair }),
  };
  return { ...facts, cost: candidateCost(known, stage, engine, options) };
}

/** The first thing that keeps the stage from this engine. */
function findReason(known: Known, stage: VisibleModelStage, engine: EngineState): string | undefined {
  if (!engine.up) return "it is down or drains";
  if (engine.switching !== undefined) return "it is changing its role";
  if (engine.role === "decode") return "it only decodes";
  const { engine: spec, models } = engine.holding;
  if (!models.has(stage.model)) return `it cannot hold ${stage.model}`;
  if (stage.allow?.engines !== undefined && !stage.allow.engines.includes(spec.id))
    return "the stage names other engines";
  if (stage.allow?.avoid?.includes(spec.id) === true) return "it failed this stage before";
  if (stage.allow?.labels?.every((label) => spec.labels.includes(label)) === false)
    return "it lacks a label that the stage asks for";
  if (!canServe(stage, engine)) return "its KV memory is too small for the longest answer";
  return isReachable(known, stage, engine) ? undefined : "an input cannot reach it";
}

/** Expected until its end: wait and terms. Infinity if it could not be. */
export function totalUs({ cost, waitUs: untilUs }: Candidate): number {
  return cost === undefined ? Infinity : untilUs + sumTerms(cost);
}

function compareCandidates(left: Candidate, right: Candidate): number {
  if (left.chosen !== right.chosen) return left.chosen ? -1 : 1;
  const [leftUs, rightUs] = [totalUs(left), totalUs(right)];
  return leftUs === rightUs ? 0 : leftUs - rightUs;
}

const termNames = {
  waitUs: "wait",
  loadUs: "load",
  transferUs: "transfer",
  prefillUs: "prefill",
  decodeUs: "decode",
  shardUs: "merge of shards",
} as const;

function explain({ shares, reason }: StagePlace, candidates: readonly Candidate[], policy: string): string {
  const says = reason === undefined ? "" : ` The policy says: ${reason}.`;
  const chosen = candidates[0];
  const next = candidates.find((candidate) => !candidate.chosen && candidate.cost !== undefined);
  if (chosen === undefined) return `No engine is known.${says}`;
  if (next === undefined) return `No other engine could take it.${says}`;
  if (shares.length > 1) return `It was divided over ${shares.length} engines, which then work side by side.${says}`;
  const gainUs = totalUs(next) - totalUs(chosen);
  const part = largestPart(chosen, next, Math.sign(gainUs));
  if (gainUs > 0)
    return `${chosen.engine} is expected to end it ${show(gainUs)} sooner than the next best, ${next.engine}, most of all by its ${part}.${says}`;
  if (gainUs === 0) return `${chosen.engine} and ${next.engine} are expected to end it at the same time.${says}`;
  return `By these terms alone ${next.engine} would end it ${show(-gainUs)} sooner, most of all by its ${part}; ${policy} weighs more than this stage.${says}`;
}

/** The term in which the better of both differs most. */
function largestPart(left: Candidate, right: Candidate, sign: number): string {
  let [name, mostUs] = ["wait", -Infinity];
  for (const [term, word] of Object.entries(termNames)) {
    const of = (candidate: Candidate): number =>
      term === "waitUs" ? candidate.waitUs : (candidate.cost?.[term as keyof CostTerms] ?? 0);
    const differenceUs = sign * (of(right) - of(left));
    if (differenceUs > mostUs) [name, mostUs] = [word, differenceUs];
  }
  return name;
}

function show(us: number): string {
  return us < 1e6 ? `${(us / 1e3).toPrecision(3)} ms` : `${(us / 1e6).toPrecision(3)} s`;
}
