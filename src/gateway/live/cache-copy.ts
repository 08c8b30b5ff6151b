/** What is cached, which no record tells, for a world that goes on from another. */

import type { EngineId } from "../../model/cluster.ts";
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
