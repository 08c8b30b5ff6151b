/** Calls that are revealed one by one where many wait: who goes first, and who must not hide whom. */

import { describe, expect, test } from "vitest";
import { knownModels } from "../../../../src/catalogue/models.ts";
import type { Stage, Workflow } from "../../../../src/model/workflow.ts";
import { foresightPolicies } from "../../../../src/policy/foresight/ablations.ts";
import type { View } from "../../../../src/policy/policy.ts";
import { batched, cluster, dag, firstUs, run, runUnchecked } from "../../../support/build.ts";
import { plainCalibration } from "../../../support/plain-calibration.ts";
import { enginesOf } from "../../../support/placements.ts";
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

describe("on an engine with one place, of workflows whose calls wait", () => {
  const asking = (id: string, arrivalUs: number, tokens: number): Workflow => {
    const output = { estimate: tokens, actual: tokens, limit: tokens };
    return { ...dag("a", () => ({ model: small, output }), { reveal: "online" }), id, arrivalUs };
  };
  const served = (...workflows: readonly Workflow[]): readonly string[] => {
    const journal = runPlain({ policy: foresight, cluster: serving({ maxSequences: 1 }, small), workflows });
    return journal.events.flatMap((event) => (event.kind === "stage-place" ? [event.stage] : []));
  };

  test("who asks for less goes first, if they are as old", () => {
    const workflows = [asking("busy", 0, 4000), asking("long", 1000, 2000), asking("short", 1000, 200)];
    expect(served(...workflows)).toEqual(["busy/a", "short/a", "long/a"]);
  });

  test("who has waited for long is not overtaken for ever", () => {
    const workflows = [asking("busy", 0, 4000), asking("long", 1000, 400), asking("short", 20_000_000, 200)];
    expect(served(...workflows)).toEqual(["busy/a", "long/a", "short/a"]);
  });

  test("a session that has been open for hours does not keep out who comes now", () => {
    const hoursUs = 7_200_000_000;
    const tool: Stage = { id: "t", kind: "tool", parents: [], priority: 0, estimateUs: hoursUs, actualUs: hoursUs };
    const { stages, ...session } = asking("session", 0, 4000);
    const after = stages.map((stage) => ({ ...stage, parents: [{ stage: "t", bytes: 0 }] }));
    const busy = asking("busy", hoursUs - 1000, 4000);
    const workflows = [{ ...session, stages: [tool, ...after] }, busy, asking("new", hoursUs + 1000, 200)];
    expect(served(...workflows)).toEqual(["busy/a", "new/a", "session/a"]);
  });
});

test("more engines load the model of a crowd at once than one, where memory is free", () => {
  const crowd = Array.from({ length: 16 }, (_, index) => call(`c${index}`, 0, small));
  const machines = cluster("h100 h100 h100 h100", { kvBytes: 4e9, batching: { ...batched, maxSequences: 2 } });
  const { events } = runPlain({
    policy: foresight,
    cluster: machines,
    workflows: crowd,
    models: knownModels.filter(({ id }) => id === small),
  });
  const loads = events.flatMap(({ kind, atUs }) => (kind === "model-load-start" ? [atUs] : []));
  const loadedUs = events.find(({ kind }) => kind === "model-load-end")!.atUs;
  expect(loads.filter((atUs) => atUs < loadedUs).length).toBeGreaterThan(2);
});

test("an engine that loads for as many calls as it has places leaves the next to others", () => {
  const { events } = runPlain({
    policy: foresightPolicies["foresight-search"],
    cluster: cluster("h100 h100 h100", { kvBytes: 4e9, batching: { ...batched, maxSequences: 1 } }),
    workflows: [0, 100_000, 200_000].map((atUs, index) => call(`c${index}`, atUs, small)),
    models: knownModels.filter(({ id }) => id === small),
  });
  const loadedUs = events.find(({ kind }) => kind === "model-load-end")!.atUs;
  expect(events.filter(({ kind, atUs }) => kind === "model-load-start" && atUs < loadedUs)).toHaveLength(2);
});

test("all of a crowd count where more engines are to load, not only those that a plan looks at", () => {
  // On so many engines it looks at 32.
  const crowd = Array.from({ length: 160 }, (_, index) => call(`c${index}`, 0, small));
  const machines = cluster(Array.from({ length: 128 }, () => "h100").join(" "), {
    kvBytes: 4e9,
    batching: { ...batched, maxSequences: 2 },
  });
  const { events } = runPlain({
    policy: foresight,
    cluster: machines,
    workflows: crowd,
    models: knownModels.filter(({ id }) => id === small),
  });
  const loadedUs = events.find(({ kind }) => kind === "model-load-end")!.atUs;
  const loads = events.filter(({ kind, atUs }) => kind === "model-load-start" && atUs < loadedUs);
  expect(loads.length).toBeGreaterThan(32);
});

test("of engines on which a model loads as fast, the faster ones load it", () => {
  const crowd = Array.from({ length: 6 }, (_, index) => call(`c${index}`, 0, small));
  const journal = runPlain({
    policy: foresight,
    cluster: cluster("a100 h100 a100 h100", { kvBytes: 4e9, batching: { ...batched, maxSequences: 2 } }),
    workflows: crowd,
    models: knownModels.filter(({ id }) => id === small),
  });
  const loading = journal.events.flatMap((event) => (event.kind === "model-load-start" ? [event.engine] : []));
  expect(loading.slice(0, 2)).toEqual(["engine-1", "engine-3"]);
});

test("a stage of many items takes a place for each of them", () => {
  const machines = cluster("h100 l4", { batching: { ...batched, maxSequences: 8 }, resident: [small] });
  const output = (tokens: number) => ({ estimate: tokens, actual: tokens, limit: tokens });
  const many = dag(
    "many",
    () => ({ model: small, items: 8, output: output(40_000), allow: { engines: ["engine-0"] } }),
    {
      id: "many",
      reveal: "online",
    },
  );
  const journal = runPlain({ policy: foresight, cluster: machines, workflows: [many, call("one", 1000, small)] });
  expect(enginesOf(journal)).toEqual({ many: [0], a: [1] });
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

test("a call that no engine may take does not keep its model from those that have one", () => {
  const stuck = call("stuck", 0, middle);
  const gone = stuck.stages.map((stage) => ({ ...stage, allow: { labels: ["gone"] } }));
  const machines = cluster("h100 h100", { kvBytes: 4e9, batching: batched, resident: [small] });
  const { events } = runUnchecked({
    policy: foresightPolicies["foresight-search"],
    workflows: [long, { ...stuck, stages: gone }, call("other", 1_000_000, middle)],
    cluster: machines,
    calibration: plainCalibration,
  });
  const placedUs = events.find((event) => event.kind === "stage-place" && event.stage === "other/a")?.atUs;
  expect(placedUs).toBeLessThan(10_000_000);
});

test.for([8, 128])("of a crowd on %i engines all begin at once for which there is room", (count) => {
  const crowd = Array.from({ length: 128 }, (_, index) => call(`c${index}`, 0, small));
  const machines = serving({ maxSequences: 16 }, ...Array.from({ length: count }, () => small));
  const journal = runPlain({ policy: foresight, cluster: machines, workflows: crowd });
  for (const { id } of crowd) expect(firstUs(journal, "stage-place", `${id}/a`)).toBe(0);
});
