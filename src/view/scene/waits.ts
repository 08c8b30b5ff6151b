/** What a stage waited for and did, from its reveal to its end, in pieces of time that follow one another. */

import type { StageKey } from "../../model/workflow.ts";
import type { Lanes } from "./lanes.ts";
import type { ShareStory, StageStory } from "./stories.ts";

export const pieceKinds = [
  "parents",
  "placement",
  "queue",
  "load",
  "transfer",
  "prefill",
  "decode",
  "merge",
  "tool",
] as const;

export type Piece = {
  readonly what: (typeof pieceKinds)[number];
  readonly fromUs: number;
  readonly toUs: number;
  /** What was waited for: a stage, an engine, or a model on an engine. */
  readonly of?: string;
};

/** Up to `nowUs`; pieces of no length are left out. */
export function toPieces(story: StageStory, nowUs: number, lanes: Lanes, lastParent: StageKey | undefined): Piece[] {
  const pieces: Piece[] = [];
  let fromUs = story.revealUs;
  const until = (what: Piece["what"], toUs: number, of?: string): void => {
    const end = Math.min(toUs, nowUs, story.endUs);
    if (end <= fromUs) return;
    pieces.push({ what, fromUs, toUs: end, ...(of === undefined ? {} : { of }) });
    fromUs = end;
  };
  until("parents", story.readyUs, lastParent);
  if (story.stage.kind === "tool") {
    until("tool", Infinity);
    return pieces;
  }
  until("placement", story.placedUs);
  const share = lastShare(story);
  if (share === undefined) return pieces;
  const { engine } = share;
  const load = findLoad(lanes, story, share, fromUs);
  if (load !== undefined) {
    until("queue", load.startUs, engine);
    until("load", load.endUs, story.stage.model);
  }
  until("queue", share.startUs, engine);
  if (share.transferEndUs > 0) until("transfer", share.transferEndUs, engine);
  until("queue", share.prefillUs, engine);
  until("prefill", share.prefillEndUs, engine);
  until("transfer", share.decodeUs, engine);
  until("decode", share.decodeEndUs, engine);
  until("merge", Infinity);
  return pieces;
}

/** The one that ended last decided when the stage ended. */
function lastShare({ shares }: StageStory): ShareStory | undefined {
  let last: ShareStory | undefined;
  for (const share of shares) if (last === undefined || share.endUs > last.endUs) last = share;
  return last;
}

/** A load of its model on its engine while it waited there. */
function findLoad(lanes: Lanes, { stage }: StageStory, { engine, prefillUs }: ShareStory, fromUs: number) {
  if (stage.kind === "tool") return undefined;
  for (const lane of lanes.lanesOf(engine)) {
    for (let index = lane.length - 1; index >= 0; index--) {
      const span = lane[index];
      if (span === undefined || span.endUs <= fromUs) break;
      if (span.activity === "load" && span.model === stage.model && span.startUs < prefillUs) return span;
    }
  }
  return undefined;
}
