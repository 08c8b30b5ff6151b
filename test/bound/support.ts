/** Worlds for bounds: the random ones with engines of one sort, and runs that say how long each workflow took. */

import { expect } from "vitest";
import { boundsOf } from "../../src/bound/bounds.ts";
import { boundMeanLatency } from "../../src/bound/mean-latency.ts";
import type { Cluster } from "../../src/model/cluster.ts";
import type { Journal } from "../../src/journal/journal.ts";
import { randomWorld, type RandomWorld } from "../support/random-world.ts";
import { exclusive, run } from "../support/build.ts";

/** A random world in which every engine runs one share at a time and does both phases. */
export function exclusiveWorld(seed: number): RandomWorld {
  const world = randomWorld(seed);
  const cluster: Cluster = {
    ...world.cluster,
    engines: world.cluster.engines.map((engine) => ({ ...engine, role: "both", batching: exclusive })),
  };
  return { ...world, cluster };
}

/** Latencies of the workflows that ended. */
export function latencies({ events }: Journal): ReadonlyMap<string, number> {
  const arrived = new Map<string, number>();
  const took = new Map<string, number>();
  for (const event of events) {
    if (event.kind === "workflow-arrive") arrived.set(event.workflow, event.atUs);
    if (event.kind === "workflow-end") took.set(event.workflow, event.atUs - (arrived.get(event.workflow) ?? 0));
  }
  return took;
}

const names = ["greedy-finish-sharded", "heft-online", "kvflow", "round-robin"] as const;

/** Holds runs under several policies against the bounds, all workflows together and each alone; how many ended together. */
export function expectAbove(world: RandomWorld): number {
  const { workflows, models } = world;
  const bounds = boundsOf(workflows, models, world.cluster);
  const cold = boundsOf(workflows, models, world.cluster, { start: "cold" });
  const plain = boundsOf(workflows, models, world.cluster, { start: "cold", retained: false });
  const mean = boundMeanLatency(workflows, models, world.cluster);
  let ended = 0;
  for (const policy of names) {
    const took = latencies(run({ workflows, models, cluster: world.cluster, policy }));
    if (took.size === workflows.length) {
      const sumUs = [...took.values()].reduce((sum, us) => sum + us, 0);
      expect(sumUs / took.size).toBeGreaterThanOrEqual(mean.togetherUs);
      expect(mean.togetherUs).toBeGreaterThanOrEqual(mean.aloneUs);
    }
    for (const { workflow, lowerUs } of bounds) expect(took.get(workflow) ?? Infinity).toBeGreaterThanOrEqual(lowerUs);
    ended += took.size;
    for (const [index, workflow] of workflows.entries()) {
      const alone = latencies(
        run({ workflows: [{ ...workflow, arrivalUs: 0 }], models, cluster: world.cluster, policy }),
      ).get(workflow.id);
      if (alone === undefined) continue;
      expect(alone).toBeGreaterThanOrEqual(cold[index]?.lowerUs ?? Infinity);
      if (policy !== "kvflow") expect(alone).toBeGreaterThanOrEqual(plain[index]?.lowerUs ?? Infinity);
    }
  }
  return ended;
}
