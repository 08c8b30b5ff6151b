/** Calls that are revealed one by one where inputs take longer than loads. */

import { expect, test } from "vitest";
import { knownModels } from "../../../../src/catalogue/models.ts";
import type { Cluster } from "../../../../src/model/cluster.ts";
import { gigabytes } from "../../../../src/model/units.ts";
import type { Workflow } from "../../../../src/model/workflow.ts";
import { foresightPolicies } from "../../../../src/policy/foresight/ablations.ts";
import { batched, cluster, dag } from "../../../support/build.ts";
import { enginesOf } from "../../../support/placements.ts";
import { runPlain } from "../../../support/run-plain.ts";

const small = "llama-3.1-8b";
const large = "qwen2.5-32b";
const models = knownModels.filter(({ id }) => id === small || id === large);

/** Two hosts with a way between them on which a gigabyte takes 100 s. The first engine holds the small model, the second the large one. */
function farApart(maxSequences: number): Cluster {
  const machines = cluster("h100 h100", { kvBytes: 4e9, batching: { ...batched, maxSequences } });
  return {
    ...machines,
    links: machines.links.map((link) => ({ ...link, bytesPerSecond: gigabytes(0.01) })),
    engines: machines.engines.map((engine, index) => ({ ...engine, resident: [index === 0 ? small : large] })),
  };
}

/** What the small model wrote on the first engine, so many gigabytes, calls of the large one read. */
function reading(drawing: string, bytes: number): Workflow {
  const flow = dag(drawing, (id) => ({ model: id === "write" ? small : large }), { reveal: "online" });
  const stages = flow.stages.map((stage) => ({
    ...stage,
    parents: stage.parents.map((parent) => ({ ...parent, bytes })),
  }));
  return { ...flow, stages };
}

test.each(["foresight", "foresight-search"] as const)(
  "where inputs take much longer than a load, the engine that has them loads: %s",
  (name) => {
    const workflows = [reading("write -> a, b, c, d, e, f", 4e9)];
    const journal = runPlain({ policy: foresightPolicies[name], cluster: farApart(16), models, workflows });
    const { write, ...readers } = enginesOf(journal);
    expect(write).toEqual([0]);
    expect(new Set(Object.values(readers).flat())).toEqual(new Set([0]));
  },
);

test("where they take no longer, calls go where their model is held", () => {
  const journal = runPlain({
    policy: foresightPolicies.foresight,
    cluster: farApart(16),
    models,
    workflows: [reading("write -> a, b", 1e6)],
  });
  expect(enginesOf(journal)).toEqual({ write: [0], a: [1], b: [1] });
});

test("of the calls that an engine loads for, the one goes first whose inputs are there", () => {
  const { engines, ...machines } = farApart(1);
  const [near, far] = engines.map((engine) => ({ ...engine, resident: [small] }));
  const from = (id: string, engine: string): Workflow => {
    const { stages, ...flow } = reading("write -> a", 1e9);
    const there = stages.map((stage) => (stage.id === "write" ? { ...stage, allow: { engines: [engine] } } : stage));
    return { ...flow, id, stages: there };
  };
  const journal = runPlain({
    policy: foresightPolicies.foresight,
    cluster: { ...machines, engines: [near!, { ...far!, models: [small] }] },
    models,
    workflows: [from("far", "engine-1"), from("near", "engine-0")],
  });
  const placed = journal.events.flatMap((event) => (event.kind === "stage-place" ? [event.stage] : []));
  expect(placed.slice(2)).toEqual(["near/a", "far/a"]);
});
