/** What `fate+keep` holds on to that `fate` does not, where calls are revealed one by one. */

import { expect, test } from "vitest";
import type { Decision } from "../../../src/model/decision.ts";
import { policies } from "../../../src/policy/policies.ts";
import type { Policy } from "../../../src/policy/policy.ts";
import { cluster, dag, run } from "../../support/build.ts";
import { plainCalibration } from "../../support/plain-calibration.ts";
import { enginesOf } from "../../support/placements.ts";
import { runPlain } from "../../support/run-plain.ts";

const small = "llama-3.1-8b";
const middle = "phi-4-14.7b";
const large = "qwen2.5-32b";

/** Engines of one host that hold these models. */
function holding(...residents: readonly (readonly string[])[]) {
  const machines = cluster(residents.map(() => "h100").join(" "), { host: "host", kvBytes: 4e9 });
  const engines = machines.engines.map((engine, index) => ({
    ...engine,
    resident: residents[index] ?? [],
    maxResident: Math.max(1, residents[index]?.length ?? 1),
  }));
  return { ...machines, engines };
}

const callsMiddle = [dag("a", () => ({ model: middle }))];

test("a model makes way that another engine holds too, not the last copy", () => {
  const machines = holding([large], [small], [small]);
  expect(enginesOf(runPlain({ policy: "fate", workflows: callsMiddle, cluster: machines }))).toEqual({ a: [0] });
  expect(enginesOf(runPlain({ policy: "fate+keep", workflows: callsMiddle, cluster: machines }))).toEqual({ a: [1] });
});

test("so it does on the short way for a stage that is alone", () => {
  const placed: (Decision | undefined)[] = [];
  const plan: Policy = (view) => {
    for (const name of ["fate", "fate+keep"] as const) placed.push(policies[name].lone?.(view)?.decisions[0]);
    return policies.fate.quick(view);
  };
  const machines = holding([large], [small], [small]);
  run({ cluster: machines, workflows: callsMiddle, policy: { plan, summary: "" }, calibration: plainCalibration });
  expect(placed.slice(0, 2)).toEqual([
    expect.objectContaining({ shares: [expect.objectContaining({ engine: "engine-0" })] }),
    expect.objectContaining({ shares: [expect.objectContaining({ engine: "engine-1" })], victims: [small] }),
  ]);
  expect(placed[0]).not.toHaveProperty("victims");
});

test.each([
  ["fate", middle],
  ["fate+keep", small],
] as const)("on an engine that must take it, %s gives up %s", (policy, victim) => {
  const machines = holding([middle, small], [small]);
  const model = () => ({ model: "mistral-7b", allow: { engines: ["engine-0"] } });
  const { events } = runPlain({ policy, workflows: [dag("a", model)], cluster: machines });
  expect(events.flatMap((event) => (event.kind === "model-evict" ? [event.model] : []))).toEqual([victim]);
});

test("a wait for the engine that holds the model is worth more than a load", () => {
  // Two calls at once, of which the second could begin on the other engine after a load.
  const machines = holding([middle], [large]);
  const two = [dag("a, b", () => ({ model: middle, output: { estimate: 1000, actual: 1000, limit: 2000 } }))];
  const loads = (policy: "fate" | "fate+keep"): number =>
    runPlain({ policy, workflows: two, cluster: machines }).events.filter(({ kind }) => kind === "model-load-start")
      .length;
  expect([loads("fate"), loads("fate+keep")]).toEqual([1, 0]);
});
