/**
 * Any policy, made to see what an eviction will cost later: loading a model where others must go for it is as dear as that load and,
 * with a weight, the loads that bring back those of them that no other engine holds. Over HTTP workflows are revealed call by call, so what a
 * forecast sees of the future is what is ready now: a model that nobody asks for at this moment looks free to evict.
 *
 * A prototype, measured here beside `fate`; it is in no table of policies.
 */

import { correctCosts } from "../../src/cost/correct.ts";
import type { CostModel } from "../../src/cost/cost-model.ts";
import type { ModelId } from "../../src/model/model.ts";
import type { Policy, View } from "../../src/policy/policy.ts";
import type { EngineState } from "../../src/state/engine-state.ts";
import { pickVictims } from "../../src/state/residency.ts";

export function withEvictionRegret(plan: Policy, weight: number): Policy {
  return (view) => plan({ ...view, costs: regretEvictions(view, weight) });
}

/** Costs a look at every model of every engine for each plan. */
function regretEvictions({ cluster, costs }: View, weight: number): CostModel {
  const holders = countHolders(cluster);
  let dearer = costs;
  for (const engine of cluster) {
    const held = costs.engine(engine.id).models;
    const { maxResident } = engine.holding.engine;
    for (const [model, { loadUs, footprintBytes }] of held) {
      if (engine.isResident(model)) continue;
      const room = { memoryBytes: engine.holding.memoryBytes, maxResident };
      const victims = pickVictims(engine.residents, room, footprintBytes) ?? [];
      const lost = victims.filter((victim) => (holders.get(victim) ?? 0) <= 1);
      const regretUs = lost.reduce((sum, victim) => sum + (held.get(victim)?.loadUs ?? 0), 0);
      if (regretUs === 0 || loadUs === 0) continue;
      const load = (loadUs + weight * regretUs) / loadUs;
      dearer = correctCosts(costs, dearer, engine.id, model, { load, prefill: 1, decode: 1 });
    }
  }
  return dearer;
}

function countHolders(cluster: Iterable<EngineState>): ReadonlyMap<ModelId, number> {
  const holders = new Map<ModelId, number>();
  for (const { residents } of cluster)
    for (const { model } of residents) holders.set(model, (holders.get(model) ?? 0) + 1);
  return holders;
}
