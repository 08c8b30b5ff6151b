/**
 * Gives each stage the cheapest kind of engine that the profiles name and that ends it soon enough, and of that kind the engine on
 * which it ends first.
 *
 * The profile-guided choice of hardware of G. Chaudhry et al., "Murakkab: Resource-Efficient Agentic Workflow Orchestration in Cloud
 * Platforms" (arXiv 2508.18298, 2025), as publicly described. Departures: stages name their model, so that only hardware is left to
 * choose; the source plans fleets by an integer program and scales them, here engines are given and each ready stage chooses anew
 * at every event; soon enough is ours, a multiple of the earliest end there is; so is the price, memory bandwidth times time,
 * since the cluster's description has no prices and rents follow bandwidth closely.
 */

import { oldestFirst, pickLeast } from "./choose.ts";
import type { Candidate } from "./picture.ts";
import { planByChoice } from "./place-by-choice.ts";
import type { Policy, View } from "./policy.ts";
import { kindOf, profiledUs } from "./profile.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import type { ShardSettings } from "./shards.ts";

/** A cheaper kind may take so many times as long as the earliest end. */
const slack = 1.1;

export function createMurakkab({ mostShards }: ShardSettings): Policy {
  return (view) => ({
    decisions: planByChoice(view, oldestFirst(view), {
      hold: true,
      mostShards,
      pick: (candidates, stage) => {
        const earliest = pickLeast(candidates, ({ endUs }) => endUs);
        if (earliest === undefined) return undefined;
        const latestUs = view.nowUs + slack * (earliest.endUs - view.nowUs);
        const inTime = candidates.filter(({ endUs }) => endUs <= latestUs);
        const cheapest = pickLeast(inTime, (candidate) => priceOf(view, stage, candidate));
        const kinds = cheapest === undefined ? undefined : kindsOf(view, cheapest);
        const alike = inTime.filter((candidate) => kindsOf(view, candidate) === kinds);
        return pickLeast(alike, ({ endUs }) => endUs);
      },
    }),
  });
}

/** Of the profile, not of the state: bytes that the engines' memory could have moved meanwhile. A pair has its prefill engine's price. */
function priceOf(view: View, stage: VisibleModelStage, { shares }: Candidate): number {
  let price = 0;
  for (const { engine, items } of shares) {
    const costs = view.costs.engine(engine.id);
    const held = costs.models.get(stage.model);
    if (held === undefined) return Infinity;
    price += costs.engine.devices.length * costs.gpu.memoryBytesPerSecond * profiledUs(costs, held, stage, items);
  }
  return price;
}

function kindsOf({ costs }: View, { shares }: Candidate): string {
  return shares.map(({ engine }) => kindOf(costs.engine(engine.id))).join();
}
