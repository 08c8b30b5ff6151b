/**
 * Places each stage, as soon as it is ready, where its first token is expected earliest: after the queue, the load, the inputs and
 * the part of the prompt that is not cached there.
 *
 * The cache-aware prefill scheduling of R. Qin et al., "Mooncake: A KVCache-centric Disaggregated Architecture for LLM Serving" (2024),
 * as publicly described. Departures: cached prefixes stay where they are, none is sent or copied to an engine that lacks it; no
 * request is turned away for an objective it would miss; a first token may cost a load and transfers of inputs, which the source
 * does not have; of equal first tokens, and of decode engines, the one with which the stage ends first.
 */

import { oldestFirst } from "./choose.ts";
import { pickThenEarliest, planByChoice, shareBeginUs } from "./place-by-choice.ts";
import type { Policy } from "./policy.ts";
import type { ShardSettings } from "./shards.ts";

export function createMooncake({ mostShards }: ShardSettings): Policy {
  return (view) => ({
    decisions: planByChoice(view, oldestFirst(view), {
      hold: false,
      mostShards,
      pick: (candidates, stage, picture) =>
        pickThenEarliest(candidates, ({ shares }) => {
          const firstTokensUs = shares.map(
            (share) => shareBeginUs(picture, stage, share) + share.cost.transferUs + share.cost.prefillUs,
          );
          return Math.max(...firstTokensUs);
        }),
    }),
  });
}
