/** The forecast is a small simulator: where nothing is uncertain, what it says is what happens. */

import { expect, test } from "vitest";
import type { Cluster } from "../../../src/model/cluster.ts";
import type { Workflow } from "../../../src/model/workflow.ts";
import { Forecast } from "../../../src/policy/fate/forecast.ts";
import { pickFrontier } from "../../../src/policy/fate/frontier.ts";
import { fateDefaults } from "../../../src/policy/fate/settings.ts";
import { policies } from "../../../src/policy/policies.ts";
import type { Policy } from "../../../src/policy/policy.ts";
import { cluster, dag, firstUs, run } from "../../support/build.ts";

const settings = { ...fateDefaults, horizonHops: 99, rounds: 0, mostShards: 1 };

/** Ends as forecast at the first plan, and as they came under the policy that follows greedy forecasts. */
function compareEnds(workflow: Workflow, machines: Cluster): Record<string, readonly [forecast: number, came: number]> {
  const forecastUs = new Map<string, number>();
  const plan: Policy = (view) => {
    if (forecastUs.size === 0) {
      const frontier = pickFrontier(view, settings, undefined);
      const forecast = new Forecast(view, frontier, [], settings);
      forecast.serve(forecast.nothingTold());
      for (const [position, { stage }] of frontier.stages.entries())
        forecastUs.set(stage.id, forecast.endUs[position] ?? 0);
    }
    return policies["fate@rounds=0"].plan(view);
  };
  const policy = { ...policies["fate@rounds=0"], plan };
  const journal = run({ policy, workflows: [workflow], cluster: machines });
  return Object.fromEntries(
    workflow.stages.map(({ id }) => [id, [forecastUs.get(id) ?? -1, firstUs(journal, "stage-end", `w/${id}`)]]),
  );
}

const models: Readonly<Record<string, string>> = { b: "phi-4-14.7b", d: "qwen2.5-32b" };
const mixed = (id: string) => ({ model: models[id] ?? "llama-3.1-8b" });

test.for([
  ["a chain on one engine that swaps models", "a -> b -> c -> d", cluster("h100")],
  ["a chain over engines that load ahead", "a -> b -> c -> d", cluster("h100 a100 l40s")],
  ["a fan on engines of two speeds", "a, c, e, f", cluster("h100 l40s")],
  ["a diamond with swaps", "a -> b, c -> d", cluster("h100 h100")],
] as const)("%s", ([, drawing, machines]) => {
  for (const [id, [forecast, came]] of Object.entries(compareEnds(dag(drawing, mixed), machines)))
    // Phases are rounded one by one there, and together here.
    expect({ id, apartUs: Math.abs(forecast - came) <= 10 ? 0 : forecast - came }).toEqual({ id, apartUs: 0 });
});

test("a prompt that the forecast leaves cached makes the next one shorter, on that engine only", () => {
  const prompt = [
    { kind: "text" as const, key: "manual", tokens: 6000 },
    { kind: "own" as const, tokens: 100 },
  ];
  const shared = dag("a, b", () => ({ prompt }));
  const ends = compareEnds(shared, cluster("h100"));
  const alone = compareEnds(
    dag("a, b", (id) => ({ prompt: [{ ...prompt[0]!, key: id }, prompt[1]!] })),
    cluster("h100"),
  );
  expect(ends["b"]?.[0]).toBeLessThan(alone["b"]?.[0] ?? 0);
  expect(Math.abs((ends["b"]?.[0] ?? 0) - (ends["b"]?.[1] ?? 0))).toBeLessThan(20_000);
});
