/** A stage that is alone is placed as a whole plan would place it, for a fraction of the time. */

import fc from "fast-check";
import { expect, test } from "vitest";
import type { Workflow } from "../../../src/model/workflow.ts";
import { isFeasible } from "../../../src/cost/candidate.ts";
import { policies } from "../../../src/policy/policies.ts";
import { toCandidate } from "../../../src/policy/picture.ts";
import type { Place } from "../../../src/model/decision.ts";
import type { Plan, View } from "../../../src/policy/policy.ts";
import { batched, cluster, exclusive, llm, run } from "../../support/build.ts";
import { plainCalibration } from "../../support/plain-calibration.ts";
import { portionOf } from "../../support/portion.ts";

const { quick, lone } = policies.fate;

type Met = { readonly view: View; readonly short: Place | undefined; readonly whole: Place | undefined };

const call = fc.record({
  afterUs: fc.integer({ min: 1, max: 1_500_000 }),
  model: fc.constantFrom("llama-3.1-8b", "phi-4-14.7b"),
  system: fc.constantFrom("a", "b"),
  ownTokens: fc.integer({ min: 1, max: 6000 }),
  outputTokens: fc.integer({ min: 1, max: 300 }),
});
const world = fc.record({
  engines: fc.constantFrom("h100", "h100 h100", "h100 h100 h100", "h100 l40s", "a100 h100 l40s"),
  batching: fc.constantFrom(exclusive, batched),
  maxResident: fc.constantFrom(1, 2),
  calls: fc.array(call, { minLength: 1, maxLength: 8 }),
});
type Drawn = typeof world extends fc.Arbitrary<infer T> ? T : never;

/** Runs the calls one workflow each, and calls back whenever exactly one waits, with both answers; goes on with the whole plan. */
function meet({ engines, batching, maxResident, calls }: Drawn, see: (met: Met) => void): void {
  let arrivalUs = 0;
  const workflows = calls.map(({ afterUs, model, system, ownTokens, outputTokens }, index): Workflow => {
    arrivalUs += afterUs;
    const prompt = [
      { kind: "text", key: system, tokens: 2000 },
      { kind: "own", tokens: ownTokens },
    ] as const;
    const output = { estimate: outputTokens, actual: outputTokens, limit: 600 };
    return { id: `w${index}`, arrivalUs, reveal: "online", stages: [llm("s", { model, prompt, output })] };
  });
  const machines = cluster(engines, { batching, maxResident, host: "one" });
  const plan = (view: View) => {
    const made = quick(view);
    if (view.ready.length === 1) see({ view, short: placeOf(lone(view)), whole: placeOf(made) });
    return made;
  };
  run({ cluster: machines, workflows, policy: { plan, summary: "" }, calibration: plainCalibration });
}

function placeOf(plan: Plan | undefined): Place | undefined {
  return plan?.decisions.find((decision) => decision.kind === "place");
}

test("free equal engines get a lone stage as a whole plan would have it", () => {
  let compared = 0;
  fc.assert(
    fc.property(world, (drawn) => {
      meet(drawn, ({ view, short, whole }) => {
        const kinds = new Set([...view.cluster].map(({ holding }) => holding.gpu.id));
        if (kinds.size > 1 || [...view.cluster].some(({ idle }) => !idle)) return;
        compared += 1;
        expect(short?.shares).toEqual(whole?.shares);
      });
    }),
    { numRuns: portionOf(100) },
  );
  expect(compared).toBeGreaterThan(portionOf(50));
});

test("wherever a whole plan puts it, it ends no earlier there", () => {
  let differ = 0;
  let same = 0;
  fc.assert(
    fc.property(world, (drawn) => {
      meet(drawn, ({ view, short, whole }) => {
        const [stage] = view.ready;
        const [engine] = short?.shares ?? [];
        if (stage === undefined || engine === undefined) return;
        const endUs = (id: string): number => toCandidate(view, stage, view.cluster.engine(id)).endUs;
        for (const other of view.cluster)
          if (isFeasible(view, stage, other)) expect(endUs(engine.engine)).toBeLessThanOrEqual(endUs(other.id));
        if (whole?.shares[0]?.engine === engine.engine) same += 1;
        else differ += 1;
      });
    }),
    { numRuns: portionOf(100) },
  );
  expect(same).toBeGreaterThan(differ);
});

test("what may be split, or cannot begin at once, is left to a whole plan", () => {
  const asked: (Place | undefined)[] = [];
  const plan = (view: View) => {
    if (view.ready.length === 1) asked.push(placeOf(lone(view)));
    return quick(view);
  };
  const flow = (id: string, items: number): Workflow => ({
    id,
    arrivalUs: 0,
    reveal: "online",
    stages: [llm("s", { items })],
  });
  const policy = { plan, summary: "" };
  run({ cluster: cluster("h100 h100"), workflows: [flow("several", 2)], policy, calibration: plainCalibration });
  expect(asked).toEqual([undefined]);
  asked.length = 0;
  const late = { ...flow("late", 1), arrivalUs: 1000 };
  run({ cluster: cluster("h100"), workflows: [flow("first", 1), late], policy, calibration: plainCalibration });
  // While the first one runs, however often the question comes up.
  expect(asked.map((place) => place?.stage)).toEqual(["first/s", ...asked.slice(2).map(() => undefined), "late/s"]);
  expect(asked.length).toBeGreaterThan(2);
});
