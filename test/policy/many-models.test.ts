/** Engines that run more models side by side than plans look at: those that are called have a part each. */

import { expect, test } from "vitest";
import { knownModels } from "../../src/catalogue/models.ts";
import type { Batching, Cluster } from "../../src/model/cluster.ts";
import type { Model } from "../../src/model/model.ts";
import type { Workflow } from "../../src/model/workflow.ts";
import { policies } from "../../src/policy/policies.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { batched, cluster, dag, run } from "../support/build.ts";

/** So small that hundreds of them fit one engine. */
const small: Model = {
  ...knownModels.find(({ id }) => id === "llama-3.1-8b")!,
  weightBytes: 50e6,
  kvBytesPerToken: 2000,
};

function models(count: number): readonly Model[] {
  return Array.from({ length: count }, (_, index) => ({ ...small, id: `model-${index}` }));
}

/** An engine of its own for each of the first two models, and an API that lists so many. */
function machines(count: number): Cluster {
  const plain = cluster("h200 h100 h100", { host: "host-0", batching: batched, kvBytes: 200e6 });
  const ids = models(count).map(({ id }) => id);
  const engines = plain.engines.map((engine, index) => {
    if (index > 0) return { ...engine, models: [ids[index - 1]!], resident: [ids[index - 1]!] };
    const batching = { ...batched, maxSequences: 12, mixesModels: true } as Batching;
    return { ...engine, batching, models: ids, resident: ids, maxResident: count };
  });
  return { ...plain, engines };
}

/** Workflows of four calls each, so many models in turn, from the first on. */
function flows(reveal: Workflow["reveal"], called: number, count: number, apartUs: number): readonly Workflow[] {
  return Array.from({ length: count }, (_, index) =>
    dag("a -> b, c -> d", (id) => ({ model: `model-${(4 * index + "abcd".indexOf(id)) % called}` }), {
      id: `w${index}`,
      arrivalUs: index * apartUs,
      reveal,
    }),
  );
}

/** Where each stage went and when; a plan gets what the last one remembered as JSON. */
function placed(workflows: readonly Workflow[], listed: number, name: "foresight" | "hexagent") {
  const remembered: unknown[] = [];
  const entry = policies[name];
  const plan: Policy = (view) => {
    const made = entry.plan(view);
    if (made.memory === undefined) return made;
    const memory: unknown = JSON.parse(JSON.stringify(made.memory));
    remembered.push(memory);
    return { ...made, memory };
  };
  const { events } = run({ policy: { ...entry, plan }, workflows, cluster: machines(listed), models: models(listed) });
  const places = events.flatMap((event) =>
    event.kind === "stage-place" ? [[event.atUs, event.stage, event.shares.map(({ engine }) => engine)]] : [],
  );
  return { places, remembered };
}

test.for([
  ["foresight", "static"],
  ["foresight", "online"],
  ["hexagent", "online"],
] as const)("what an API lists beside what is called makes no difference (%s, %s)", ([name, reveal]) => {
  const workflows = flows(reveal, 4, 12, 300_000);
  expect(placed(workflows, 300, name).places).toEqual(placed(workflows, 4, name).places);
});

test("models that nobody calls any more make room for others", () => {
  const { places, remembered } = placed(flows("online", 100, 25, 60_000_000), 100, "foresight");
  expect(places).toHaveLength(100);
  const counts = remembered.map((memory) => (memory as { called: readonly string[] }).called.length);
  expect(counts).toHaveLength(remembered.length);
  expect(Math.max(...counts)).toBeGreaterThan(50);
  expect(counts.at(-1)).toBeLessThan(50);
});

test.for(["static", "online"] as const)(
  "calls of more models at once than come apart are served all the same (%s)",
  (reveal) => {
    expect(placed(flows(reveal, 100, 25, 0), 100, "foresight").places).toHaveLength(100);
  },
);
