/** Calls that are revealed one by one where many wait: who goes first, and who must not hide whom. */

import { describe, expect, test } from "vitest";
import { foresightPolicies } from "../../../../src/policy/foresight/ablations.ts";
import type { View } from "../../../../src/policy/policy.ts";
import { batched, cluster, dag, firstUs, run, runUnchecked } from "../../../support/build.ts";
import { plainCalibration } from "../../../support/plain-calibration.ts";
import { runPlain } from "../../../support/run-plain.ts";

const small = "llama-3.1-8b";
const middle = "phi-4-14.7b";
const large = "qwen2.5-32b";
const { foresight } = foresightPolicies;

function call(id: string, arrivalUs: number, model: string, priority = 0) {
  const flow = dag("a", () => ({ model, priority, output: { estimate: 80, actual: 80, limit: 200 } }), {
    reveal: "online",
  });
  return { ...flow, id, arrivalUs, class: "call" };
}

const long = dag("a", () => ({ model: small, output: { estimate: 20_000, actual: 20_000, limit: 20_000 } }), {
  id: "long",
  reveal: "online",
});

/** Each engine holds one model, and can hold no other. */
function serving(batching: object, ...models: readonly string[]) {
  const machines = cluster(models.map(() => "h100").join(" "), { kvBytes: 4e9, batching: { ...batched, ...batching } });
  return {
    ...machines,
    engines: machines.engines.map((engine, index) => ({
      ...engine,
      resident: [models[index]!],
      models: [models[index]!],
    })),
  };
}

test("the more urgent call goes first", () => {
  const crowd = Array.from({ length: 12 }, (_, index) => call(`usual-${index}`, index * 1000, small));
  const journal = runPlain({
    policy: foresight,
    cluster: serving({ maxSequences: 2 }, small),
    workflows: [...crowd, call("urgent", 50_000, small, 1000)],
  });
  const placed = journal.events.flatMap((event) => (event.kind === "stage-place" ? [event.stage] : []));
  expect(placed.indexOf("urgent/a")).toBe(2);
});

test("a crowd for one model does not hide the calls of another, whose engine is idle", () => {
  const crowd = Array.from({ length: 70 }, (_, index) => call(`stuck-${index}`, index * 100, large));
  const journal = runPlain({
    policy: foresight,
    cluster: serving({ maxSequences: 4 }, small, large),
    workflows: [...crowd, call("other", 100_000, small)],
  });
  expect(firstUs(journal, "stage-place", "other/a")).toBe(100_000);
});

const mixing = { ...batched, mixesModels: true } as const;

test("an engine that serves several models in one batch takes up calls of each", () => {
  const machines = cluster("h100", { kvBytes: 4e9, batching: mixing });
  const engines = machines.engines.map((engine) => ({ ...engine, resident: [small, middle], maxResident: 2 }));
  const journal = runPlain({
    policy: foresight,
    cluster: { ...machines, engines },
    workflows: [
      call("a", 0, small),
      call("b", 10_000, small),
      call("c", 1_000_000, middle),
      call("d", 1_000_000, middle),
    ],
  });
  for (const id of ["c", "d"]) expect(firstUs(journal, "stage-place", `${id}/a`)).toBe(1_000_000);
});

describe("time", () => {
  /** What waits needs an engine that is busy with another model, so that there is something to decide. */
  const flows = [
    ...Array.from({ length: 6 }, (_, index) => call(`small-${index}`, index * 100, small)),
    ...Array.from({ length: 6 }, (_, index) => call(`large-${index}`, 10_000 + index, large)),
  ];
  const machines = cluster("h100 h100", { kvBytes: 4e9, batching: batched, resident: [small] });

  test("is asked for while plans are judged, and once it is over the rule decides", () => {
    let asked = 0;
    const plan = (view: View) => {
      const due = { ...view, isDue: () => (asked += 1) > 0 };
      return foresight.plan(due);
    };
    const { events } = run({
      policy: { ...foresight, plan },
      cluster: machines,
      workflows: flows,
      calibration: plainCalibration,
    });
    expect(asked).toBeGreaterThan(0);
    expect(events.filter(({ kind }) => kind === "workflow-end")).toHaveLength(12);
  });
});

test("calls that no engine may take do not hide those that have one", () => {
  const stuck = Array.from({ length: 70 }, (_, index) => {
    const flow = call(`stuck-${index}`, index * 100, small);
    return { ...flow, stages: flow.stages.map((stage) => ({ ...stage, allow: { labels: ["gone"] } })) };
  });
  const { events } = runUnchecked({
    policy: foresight,
    // One that takes long, so that nobody is given up meanwhile.
    workflows: [long, ...stuck, call("other", 100_000, small)],
    cluster: serving({}, small, small),
    calibration: plainCalibration,
  });
  expect(events.find((event) => event.kind === "stage-place" && event.stage === "other/a")?.atUs).toBe(100_000);
});

test.for([8, 128])("of a crowd on %i engines all begin at once for which there is room", (count) => {
  const crowd = Array.from({ length: 128 }, (_, index) => call(`c${index}`, 0, small));
  const machines = serving({ maxSequences: 16 }, ...Array.from({ length: count }, () => small));
  const journal = runPlain({ policy: foresight, cluster: machines, workflows: crowd });
  for (const { id } of crowd) expect(firstUs(journal, "stage-place", `${id}/a`)).toBe(0);
});
