/** What is cached, for a world that goes on from another. */

import type { EngineId } from "../../model/cluster.ts";
import type { NewEvent } from "../../model/event.ts";
import type { ModelId } from "../../model/model.ts";
import type { State } from "../../state/apply.ts";

export type CacheCopy = {
  readonly engine: EngineId;
  readonly model: ModelId;
  /** Oldest first: hash, tokens, parent or -1. */
  readonly nodes: readonly (readonly [number, number, number])[];
};

export function copyCaches({ cluster }: State): CacheCopy[] {
  const caches: CacheCopy[] = [];
  for (const engine of cluster)
    for (const [model, cache] of engine.prefixes) caches.push({ engine: engine.id, model, nodes: cache.list() });
  return caches;
}

/** To be called before anything else happens there. */
export function restoreCaches({ cluster }: State, caches: readonly CacheCopy[]): void {
  for (const { engine, model, nodes } of caches) cluster.change(engine).changePrefixes(model).restore(nodes);
}

/** Links that are told of a cache, and of all caches together. */
const mostOfOne = 16_384;
const mostOfAll = 65_536;

/** As records: of each cache what was used last, the same share of all where they are many. */
export function tellCaches(caches: readonly CacheCopy[]): NewEvent[] {
  const most = Math.min(mostOfOne, Math.floor(mostOfAll / Math.max(1, caches.length)));
  return caches.flatMap(({ engine, model, nodes }) => {
    if (nodes.length === 0 || most === 0) return [];
    // What continues a link stands before it, so the last ones hold together.
    const links = nodes.slice(-most).map((node) => (node[2] < 0 ? node.slice(0, 2) : node));
    return [{ kind: "prefix-restore", engine, model, links }];
  });
}
