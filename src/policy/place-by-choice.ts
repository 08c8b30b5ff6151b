/**
 * Places stages in a given order, each where a rule chooses among all engines and pairs that may take it, in a picture in which
 * the placements made so far have their effect.
 *
 * What proxies of systems with a placement rule of their own share. Costs a look at every engine for each stage.
 */

import type { Known } from "../cost/candidate.ts";
import type { Decision, Place } from "../model/decision.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import { defer, feasibleEngines, handsOver } from "./choose.ts";
import { likenessOf, type Likeness } from "./likeness.ts";
import { countPlaces, crowdingOf, decodeEngines, mostHeld, toPlace } from "./greedy-finish.ts";
import {
  canBegin,
  createPicture,
  foresee,
  hasPlace,
  toCandidate,
  waitForUs,
  type Candidate,
  type CandidateShare,
} from "./picture.ts";
import { orShards, type ShardSettings } from "./shards.ts";

export type PlacementRule = ShardSettings & {
  /** Wait in the policy until the chosen engine can begin the stage; otherwise in the engine's queue, for good. */
  readonly hold: boolean;
  /** One of the candidates, which are in the cluster's order of their first engines. */
  readonly pick: (candidates: readonly Candidate[], stage: VisibleModelStage, picture: Known) => Candidate | undefined;
  /** What else is known of engines that the picture should show. */
  readonly prepare?: (picture: Known) => void;
  /** What else a placement does to the picture. */
  readonly effect?: (picture: Known, stage: VisibleModelStage, chosen: Candidate) => void;
  /** Position in the engine's queue; 0 unless said. */
  readonly rankOf?: (stage: VisibleModelStage) => number;
};

export function planByChoice(
  known: Known,
  stages: readonly VisibleModelStage[],
  { hold, mostShards, pick, prepare, effect, rankOf = () => 0 }: PlacementRule,
): Decision[] {
  const picture = createPicture(known);
  prepare?.(picture);
  const held = new Map<Likeness, number>();
  return stages.map((stage, index) => {
    const likeness = likenessOf(stage);
    const heldAlike = held.get(likeness) ?? 0;
    if (hold && (heldAlike === mostHeld || !anyPlace(picture))) return defer(stage, "better-later");
    const chosen = pick(listCandidates(picture, stage, mostShards, stages.length - index - 1), stage, picture);
    if (chosen === undefined) return defer(stage, "no-engine");
    const begins = chosen.shares.every(({ engine }) => canBegin(stage, engine));
    const decision: Place | undefined =
      begins || !hold ? { ...toPlace(stage, chosen), rank: rankOf(stage) } : undefined;
    foresee(picture, stage, chosen);
    effect?.(picture, stage, chosen);
    if (decision === undefined) held.set(likeness, heldAlike + 1);
    return decision ?? defer(stage, "better-later");
  });
}

/** What is held waits for an engine that is taken, and that engine's next end brings the question back. */
function anyPlace({ cluster }: Known): boolean {
  for (let index = 0; index < cluster.count; index++) if (hasPlace(cluster.at(index))) return true;
  return false;
}

/** The whole stage on every engine that may take it, and on every pair; with each engine, a split that it leads if that ends earlier. */
function listCandidates(picture: Known, stage: VisibleModelStage, mostShards: number, behind: number): Candidate[] {
  let pairs: readonly (Candidate["decodeEngine"] & {})[] | undefined;
  const crowding = mostShards < 2 ? 0 : crowdingOf(behind, countPlaces(picture, picture.costs.engines.keys()));
  return feasibleEngines(picture, stage).flatMap((engine) => {
    if (handsOver(stage, engine)) {
      pairs ??= decodeEngines(picture, stage);
      return pairs.map((decodeEngine) => toCandidate(picture, stage, engine, decodeEngine));
    }
    const whole = toCandidate(picture, stage, engine);
    const split = orShards(picture, stage, whole, { mostShards, crowding }, { including: engine });
    return split === whole ? [whole] : [whole, split];
  });
}

/** How long until the candidate's engines have the model and a place for the stage. */
export function untilBeginUs(picture: Known, stage: VisibleModelStage, { shares }: Candidate): number {
  return Math.max(...shares.map((share) => shareBeginUs(picture, stage, share)));
}

export function shareBeginUs(picture: Known, stage: VisibleModelStage, { engine, cost }: CandidateShare): number {
  return waitForUs(picture, stage, engine) + cost.loadUs;
}

/** The candidate with the smallest score; of equals the one that ends first, then the one named first. */
export function pickThenEarliest(
  candidates: readonly Candidate[],
  score: (candidate: Candidate) => number,
): Candidate | undefined {
  let best: { readonly candidate: Candidate; readonly score: number } | undefined;
  for (const candidate of candidates) {
    const own = score(candidate);
    if (best === undefined || (own - best.score || candidate.endUs - best.candidate.endUs) < 0)
      best = { candidate, score: own };
  }
  return best?.candidate;
}
