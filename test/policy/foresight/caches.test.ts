/** What the decoder believes to be cached, where KV memory holds less than the plan leaves there. */

import { expect, test } from "vitest";
import type { Segment, Workflow } from "../../../src/model/workflow.ts";
import { act } from "../../../src/policy/foresight/act.ts";
import { Decoder } from "../../../src/policy/foresight/decode.ts";
import { noDemand } from "../../../src/policy/foresight/demand.ts";
import { lookOut } from "../../../src/policy/foresight/outlook.ts";
import { recall, toRemember, type PlanMemory } from "../../../src/policy/foresight/plan.ts";
import { layScene } from "../../../src/policy/foresight/scene.ts";
import { foresightDefaults } from "../../../src/policy/foresight/settings.ts";
import type { View } from "../../../src/policy/policy.ts";
import { cluster, llm } from "../../support/build.ts";
import { runPlain } from "../../support/run-plain.ts";

const settings = { ...foresightDefaults, spread: 0 };

/** One engine serves the stages in this order; what the decoder said at first, and what came of it. */
function follow(flow: Workflow, kvBytes: number, names: readonly string[]) {
  const machines = cluster("h100", { resident: ["llama-3.1-8b"], kvBytes });
  let predictedUs: readonly number[] = [];
  const plan = (view: View) => {
    const scene = layScene(view, lookOut(view, undefined), settings, noDemand);
    const memory = view.memory as PlanMemory | undefined;
    const first = { workflows: ["w"], order: names.map((name) => `w/${name}`), told: names.map(() => 0) };
    const whole = recall(scene, memory ?? first, [...scene.stages.keys()], false);
    const decoder = new Decoder(scene, true);
    if (memory === undefined) {
      decoder.decode(whole.order, whole.told);
      predictedUs = names.map((name) => decoder.endsUs[scene.stages.findIndex(({ key }) => key === `w/${name}`)]!);
    }
    const decisions = act(view, whole, decoder, { prefetch: true, preload: false }, noDemand);
    return { decisions, memory: toRemember(scene, whole) };
  };
  const { events } = runPlain({
    policy: { plan, summary: "a given plan" },
    cluster: machines,
    workflows: [flow],
  });
  const endsUs = names.map((name) => events.find((event) => event.kind === "stage-end" && event.stage === `w/${name}`));
  const cached = events.flatMap((event) => (event.kind === "prefill-start" ? [event.cachedTokens] : []));
  return { predictedUs, endsUs: endsUs.map((event) => event?.atUs), cached };
}

/** Stages of two long prompts, `a` and `b`, each with some text of its own. */
const flow: Workflow = {
  id: "w",
  arrivalUs: 0,
  reveal: "static",
  stages: ["a1", "b1", "a2", "b2"].map((id) => {
    const prompt: readonly Segment[] = [
      { kind: "text", key: id.slice(0, 1), tokens: 10_000 },
      { kind: "own", tokens: 500 },
    ];
    return llm(id, { prompt });
  }),
};

/** Of a token of llama-3.1-8b. */
const tokenBytes = 131_072;

test("a prompt is found again while KV memory holds it beside what runs", () => {
  const { predictedUs, endsUs, cached } = follow(flow, 40_000 * tokenBytes, ["a1", "b1", "a2", "b2"]);
  expect(cached).toEqual([0, 0, 10_000, 10_000]);
  expect(endsUs).toEqual(predictedUs);
});

test("a prompt that made way for others is taken in again", () => {
  const { predictedUs, endsUs, cached } = follow(flow, 25_000 * tokenBytes, ["a1", "b1", "a2", "b2"]);
  expect(cached).toEqual([0, 0, 0, 0]);
  expect(endsUs).toEqual(predictedUs);
});

test("what calls the same prompt finds it if it comes next", () => {
  const { predictedUs, endsUs, cached } = follow(flow, 25_000 * tokenBytes, ["a1", "a2", "b1", "b2"]);
  expect(cached).toEqual([0, 10_000, 0, 10_000]);
  expect(endsUs).toEqual(predictedUs);
});
