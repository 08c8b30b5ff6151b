/**
 * Gives engines to all ready stages as one batch: finds for each the engine on which it ends first, takes the stage whose end
 * is the earliest (min-min) or the latest (max-min) of these, and begins anew with the rest.
 *
 * M. Maheswaran, S. Ali, H. J. Siegel, D. Hensgen, R. F. Freund, "Dynamic Mapping of a Class of Independent Tasks onto
 * Heterogeneous Computing Systems", JPDC 59(2), 1999, batch mode after O. H. Ibarra, C. E. Kim, JACM 24(2), 1977. Departures:
 * tasks depend on each other, so a batch is what is ready; it is mapped anew at every event, as far as no engine has begun it;
 * a stage whose engine is busy is held and may change its mind; whom it suits to be split is asked once it is a
 * stage's turn. As published, priorities and arrival do not count.
 */

import type { Known } from "../cost/candidate.ts";
import type { Decision } from "../model/decision.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import type { StageKey } from "../model/workflow.ts";
import { defer, pickLeast } from "./choose.ts";
import { likenessOf, type Likeness } from "./likeness.ts";
import { countPlaces, crowdingOf, pickEarliestWhole, toPlace } from "./greedy-finish.ts";
import { canBegin, createPicture, foresee, type Candidate } from "./picture.ts";
import type { Policy } from "./policy.ts";
import { orShards, type ShardSettings } from "./shards.ts";

export type BatchSettings = ShardSettings & {
  /** Whose earliest end decides: the stage that ends first, or the one that ends last. */
  readonly first: "shortest" | "longest";
};

/** So many stages of one model are in a batch at most, the longest ready; the others are held. */
const mostWeighed = 32;

/** A stage of the batch, with the engine on which it ends first as things stand. */
type Weighed = { readonly stage: VisibleModelStage; best: Candidate };

/** Costs a look at every engine for each stage, and again for those that a placement concerns. */
export function createBatchMode({ first, mostShards }: BatchSettings): Policy {
  const sign = first === "shortest" ? 1 : -1;
  return (view) => {
    const picture = createPicture(view);
    const engines = [...view.costs.engines.keys()];
    const decisions = new Map<StageKey, Decision>();
    let batch = weigh(picture, view.ready, decisions);
    for (;;) {
      const places = countPlaces(picture, engines);
      if (batch.length === 0 || places === 0) break;
      const { stage, best: single } = pickLeast(batch, ({ best: { endUs } }) => sign * endUs) as Weighed;
      const crowding = crowdingOf(batch.length - 1, places);
      const best = orShards(picture, stage, single, { mostShards, crowding });
      const begins = best.shares.every(({ engine }) => canBegin(stage, engine));
      decisions.set(stage.key, begins ? toPlace(stage, best) : defer(stage, "better-later"));
      foresee(picture, stage, best);
      batch = batch.filter((weighed) => weighed.stage !== stage);
      for (const weighed of batch) if (concerns(stage, best, weighed)) reweigh(picture, weighed);
    }
    return { decisions: view.ready.map((stage) => decisions.get(stage.key) ?? defer(stage, "better-later")) };
  };
}

/** The batch, in order of reveal; what no engine may take is not in it, and is decided about at once. */
function weigh(
  picture: Known,
  ready: readonly VisibleModelStage[],
  decisions: Map<StageKey, Decision>,
): readonly Weighed[] {
  const batch: Weighed[] = [];
  const counts = new Map<Likeness, number>();
  for (const stage of ready) {
    const likeness = likenessOf(stage);
    const count = counts.get(likeness) ?? 0;
    if (count === mostWeighed) continue;
    const best = pickEarliestWhole(picture, stage);
    if (best === undefined) {
      decisions.set(stage.key, defer(stage, "no-engine"));
      continue;
    }
    batch.push({ stage, best });
    counts.set(likeness, count + 1);
  }
  return batch.sort((left, right) => left.stage.ordinal - right.stage.ordinal);
}

/**
 * Can the placement have changed where the other stage ends first? It makes its engines later for all, and brings its model
 * to where it was not: what goes elsewhere with another model keeps its choice.
 */
function concerns(stage: VisibleModelStage, placed: Candidate, { stage: other, best }: Weighed): boolean {
  if (other.model === stage.model) return true;
  const used = enginesOf(placed);
  return enginesOf(best).some((index) => used.includes(index));
}

function enginesOf({ shares, decodeEngine }: Candidate): number[] {
  const engines = shares.map(({ engine }) => engine);
  return [...engines, ...(decodeEngine === undefined ? [] : [decodeEngine])].map(({ holding }) => holding.index);
}

function reweigh(picture: Known, weighed: Weighed): void {
  weighed.best = pickEarliestWhole(picture, weighed.stage) ?? weighed.best;
}
