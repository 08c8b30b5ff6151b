/** The search on instances small enough to try every plan. */

import { expect, test } from "vitest";
import type { Workflow } from "../../../src/model/workflow.ts";
import { noDemand } from "../../../src/policy/foresight/demand.ts";
import { byTurn, leaveOpen } from "../../../src/policy/foresight/constructions.ts";
import { Decoder } from "../../../src/policy/foresight/decode.ts";
import { createLuck } from "../../../src/policy/foresight/luck.ts";
import { firstOf, replace } from "../../../src/policy/foresight/neighbourhood.ts";
import { lookOut } from "../../../src/policy/foresight/outlook.ts";
import { parentsFirst } from "../../../src/policy/foresight/plan.ts";
import { layScene, type Scene } from "../../../src/policy/foresight/scene.ts";
import { Search } from "../../../src/policy/foresight/search.ts";
import { foresightDefaults } from "../../../src/policy/foresight/settings.ts";
import { Valuer } from "../../../src/policy/foresight/value.ts";
import { createRng } from "../../../src/random/rng.ts";
import { cluster, dag } from "../../support/build.ts";
import { runPlain } from "../../support/run-plain.ts";

const machines = cluster("h100 l40s", { maxResident: 1 });

/** What is seen when the workflow arrives. */
function sceneOf(flow: Workflow): Scene {
  const found: Scene[] = [];
  runPlain({
    workflows: [flow],
    cluster: machines,
    policy: {
      summary: "a look",
      plan: (view) => {
        const settings = { ...foresightDefaults, mostShards: 1 as const };
        if (found.length === 0) found.push(layScene(view, lookOut(view, undefined), settings, noDemand));
        return {
          decisions: view.ready.map(({ key, items }) => ({
            kind: "place",
            stage: key,
            shares: [{ engine: "engine-0", items }],
            rank: 0,
          })),
        };
      },
    },
  });
  return found[0]!;
}

function drawn(seed: number): Workflow {
  const rng = createRng(seed, "tiny");
  return dag(seed % 2 === 0 ? "a, b -> c -> d" : "a, b, c -> d", () => ({
    model: ["llama-3.1-8b", "phi-4-14.7b"][rng.below(2)]!,
    prompt: [{ kind: "own", tokens: 500 + rng.below(4000) }],
    output: { estimate: 50 + rng.below(400), actual: 100, limit: 900 },
  }));
}

function permutations(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((first) => permutations(items.filter((each) => each !== first)).map((rest) => [first, ...rest]));
}

/** The least cost over all orders and all placements. */
function leastCost(scene: Scene, search: Search): number {
  const count = scene.stages.length;
  let least = Infinity;
  for (const wanted of permutations([...scene.stages.keys()])) {
    const order = parentsFirst(scene, wanted);
    for (let code = 0; code < 2 ** count; code++) {
      const told = Int32Array.from({ length: count }, (_, stage) => (code >> stage) & 1);
      least = Math.min(least, search.judge({ order, told }).cost);
    }
  }
  return least;
}

const seeds = Array.from({ length: 8 }, (_, index) => index + 1);

test("annealing finds the best of all plans", () => {
  for (const seed of seeds) {
    const scene = sceneOf(drawn(seed));
    const search = new Search(scene, new Decoder(scene, true), new Valuer(scene, foresightDefaults));
    const start = search.judge(leaveOpen(scene, byTurn(scene), false));
    const least = leastCost(scene, search);
    const found = new Search(scene, new Decoder(scene, true), new Valuer(scene, foresightDefaults)).improve(
      start,
      createLuck(seed),
      4000,
      foresightDefaults,
    );
    expect({ seed, cost: found.cost }).toEqual({ seed, cost: least });
    expect(found.cost).toBeLessThanOrEqual(start.cost);
  }
});

test("stages that are freed together are never placed worse, and land where a solver wants them", () => {
  let better = 0;
  for (const seed of seeds) {
    const scene = sceneOf(drawn(seed));
    const search = new Search(scene, new Decoder(scene, true), new Valuer(scene, foresightDefaults));
    const allOnTheSlow = {
      order: parentsFirst(scene, byTurn(scene)),
      told: new Int32Array(scene.stages.length).fill(1),
    };
    const start = search.judge(allOnTheSlow);
    const found = replace(search, scene, start, firstOf(scene, start));
    expect(found.cost).toBeLessThan(start.cost);
    expect(search.judge(found).cost).toBe(found.cost);
    if (found.told.includes(0)) better += 1;
  }
  expect(better).toBe(seeds.length);
});
