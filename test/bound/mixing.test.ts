/** Engines that run a batch per model do more at a time than one batch could. */

import { expect, test } from "vitest";
import { knownModels } from "../../src/catalogue/models.ts";
import { boundsOf } from "../../src/bound/bounds.ts";
import { measure } from "../../src/measure/measure.ts";
import type { Engine } from "../../src/model/cluster.ts";
import { batched, cluster, dag, run } from "../support/build.ts";
import { portionOf } from "../support/portion.ts";
import { mixingWorld } from "../support/random-world.ts";
import { expectAbove, latencies } from "./support.ts";

test("the work of two models may take half as long side by side, and the bounds allow for it", () => {
  const models = ["llama-3.1-8b", "phi-4-14.7b"];
  const machines = cluster("h200", {
    batching: { ...batched, mixesModels: true } as Engine["batching"],
    resident: models,
    models,
    maxResident: 2,
    kvBytes: 20e9,
  });
  // As much work for either: prompts of the smaller model are longer.
  const workflow = dag("a, b, c, d, e, f, g, h", (id) => {
    const isSmall = id < "e";
    return { model: models[isSmall ? 0 : 1]!, prompt: [{ kind: "own", tokens: isSmall ? 14_000 : 8000 }] };
  });
  const known = knownModels.filter(({ id }) => models.includes(id));
  const journal = run({ cluster: machines, models: known, workflows: [workflow], policy: "greedy-finish" });
  const tookUs = latencies(journal).get("w") ?? 0;
  const [bound] = boundsOf([workflow], known, machines);
  const { bounds, makespanUs } = measure(journal);
  expect(bound!.lowerUs).toBeLessThanOrEqual(tookUs);
  expect(bounds.makespanUs).toBeLessThanOrEqual(makespanUs);
  // One batch could not have done it.
  expect(2 * bounds.workUs).toBeGreaterThan(makespanUs);
});

test("no policy is faster than the bound where models are mixed", () => {
  let ended = 0;
  for (let seed = 3000; seed < 3000 + portionOf(16); seed++) ended += expectAbove(mixingWorld(seed));
  expect(ended).toBeGreaterThan(portionOf(16));
});
