/**
 * What no cache can spare. Least times count every link of a prompt as cached that some stage may have left behind; but if only stages
 * of this workflow can, then one of those whose prompts begin with the link is the first, and takes it in besides its least time.
 */

import type { ModelId } from "../model/model.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import { keyOf, outputKey, type Foreign } from "./cacheable.ts";
import { leastShareUs, type Cached } from "./least-times.ts";
import { canTake, type Place, type Places } from "./places.ts";
import type { TrueStage } from "./true-workflow.ts";

/** Work that one of the stages has on top of its own, whichever it is. */
export type FirstTouch = {
  readonly model: ModelId;
  readonly stages: readonly number[];
  /** Engine time by place, at least; infinite where none of them can run. */
  readonly workUs: readonly number[];
};

type Link = { readonly tokens: number; readonly stages: number[]; spared: boolean };

/** `cachedOf`: what least times count as cached of a stage. */
export function firstTouches(
  stages: readonly TrueStage[],
  places: Places,
  cachedOf: (index: number) => Cached,
  foreign: Foreign,
): readonly FirstTouch[] {
  const decoded = new Set(stages.flatMap((node) => (node.kind === "model" ? [outputKey(node.stage)] : [])));
  const links = new Map<string, Link>();
  for (const [index, node] of stages.entries()) {
    if (node.kind !== "model") continue;
    for (const [at, { tokens }] of node.stage.chain.entries()) {
      const key = keyOf(node.stage, at);
      let link = links.get(key);
      // Nobody takes in first what was decoded there.
      if (link === undefined) links.set(key, (link = { tokens, stages: [], spared: decoded.has(key) }));
      link.stages.push(index);
      // Nor what others left; and whose least time has the link in full may be the first.
      if (foreign(node.stage, at) || at >= cachedOf(index).links) link.spared = true;
    }
  }
  const perTokenUs = stages.map((node, index) =>
    places.all.map((place) => (node.kind === "model" ? leastPerTokenUs(place, node.stage, cachedOf(index)) : Infinity)),
  );
  return [...links.values()].flatMap(({ tokens, stages: members, spared }) => {
    const node = stages[members[0] ?? 0];
    if (spared || tokens === 0 || node?.kind !== "model") return [];
    const workUs = places.all.map(
      (_, place) => tokens * Math.min(...members.map((index) => perTokenUs[index]?.[place] ?? Infinity)),
    );
    return [{ model: node.stage.model, stages: members, workUs }];
  });
}

/**
 * What each token costs at least that is not cached after all. A cache has whole links from the first on, so of all lengths only
 * these occur; whichever it is, its tokens at this price are not more than what it adds.
 */
function leastPerTokenUs(place: Place, stage: VisibleModelStage, cached: Cached): number {
  if (!canTake(place, stage)) return Infinity;
  const sparedUs = leastShareUs(place, stage, stage.items, cached);
  let leastUs = Infinity;
  let tokens = 0;
  for (let links = cached.links - 1; links >= 0; links--) {
    tokens += stage.chain[links]?.tokens ?? 0;
    if (tokens === 0) continue;
    leastUs = Math.min(leastUs, (leastShareUs(place, stage, stage.items, { ...cached, links }) - sparedUs) / tokens);
  }
  return leastUs;
}
