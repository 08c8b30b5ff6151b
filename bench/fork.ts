/** What looking ahead costs: forking the state, reading through the fork, and the first write to an engine of it. */

import { Bench } from "tinybench";
import { knownModels } from "../src/catalogue/models.ts";
import { createHoldings } from "../src/model/holding.ts";
import { chainHash } from "../src/model/prefix.ts";
import { ClusterState } from "../src/state/cluster-state.ts";
import { benchCluster } from "./sim.ts";

/** A cluster with `cached` prompts of three links in the prefix cache of each of its engines. */
function busyCluster(engines: number, cached: number): ClusterState {
  const state = ClusterState.create(createHoldings(benchCluster(engines), knownModels));
  for (const { id } of state) {
    const cache = state.change(id).changePrefixes("llama-3.1-8b");
    for (let index = 0; index < cached; index++) {
      const first = chainHash(undefined, "system");
      const second = chainHash(first, `context-${index % 16}`);
      const chain = [first, second, chainHash(second, `own-${index}`)].map((hash) => ({ hash, tokens: 100 }));
      cache.insert(chain, 3, 1e6, 0);
    }
  }
  return state;
}

export async function benchFork(): Promise<void> {
  const bench = new Bench({ time: 300 });
  for (const engines of [8, 1000]) {
    const state = busyCluster(engines, 200);
    bench.add(`fork, ${engines} engines`, () => state.fork());
    bench.add(`fork and read one engine through it, ${engines} engines`, () =>
      state.fork().engine("engine-3").freeAtUs(0),
    );
    bench.add(`fork and change one engine, ${engines} engines`, () => {
      state.fork().change("engine-3").slowFactor = 2;
    });
    bench.add(`fork and write to a cache of 200 prompts, ${engines} engines`, () => {
      state.fork().change("engine-3").changePrefixes("llama-3.1-8b").shrink(0, 1);
    });
  }
  await bench.run();
  for (const { name, result } of bench.tasks) {
    if (!("latency" in result)) continue;
    process.stdout.write(`${name.padEnd(58)} ${(result.latency.p50 * 1000).toFixed(2).padStart(8)} us median\n`);
  }
}
