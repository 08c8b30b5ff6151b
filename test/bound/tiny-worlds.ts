/** Workflows of a few stages drawn by seed, whose best plan is found by trying all orders and engines. */

import { Decoder } from "../../src/bound/decode-plan.ts";
import { toInstance } from "../../src/bound/instance.ts";
import { Services } from "../../src/bound/services.ts";
import { createCostModel } from "../../src/cost/cost-model.ts";
import { shippedCalibration } from "../../src/cost/shipped-calibration.ts";
import { knownModels } from "../../src/catalogue/models.ts";
import type { Cluster } from "../../src/model/cluster.ts";
import type { ModelStage, Segment, Stage, Workflow } from "../../src/model/workflow.ts";
import { drawInteger, drawOne } from "../../src/random/distributions.ts";
import { createRng, type Rng } from "../../src/random/rng.ts";
import { cluster, llm } from "../support/build.ts";

/** Two or three engines, some on one host, that hold one model or two. */
export function tinyCluster(seed: number, resident: readonly string[] = []): Cluster {
  const rng = createRng(seed, "tiny cluster");
  const drawing = drawOne(rng, ["h100 l40s", "h100 h100", "h100 a100", "h200 l40s l40s"]);
  const host = rng.next() < 0.3 ? { host: "host-0" } : {};
  return cluster(drawing, { ...host, maxResident: drawInteger(rng, 1, 2), resident }, { contention: "none" });
}

export const oneModel: readonly string[] = ["llama-3.1-8b"];
const bothModels: readonly string[] = ["llama-3.1-8b", "llama-3.1-8b", "phi-4-14.7b"];

/** Prompts begin with texts that stages share, go on where a parent's ended, or repeat what parents wrote. */
export function tinyWorkflow(seed: number, id: string, stages: number, models = bothModels): Workflow {
  const rng = createRng(seed, "tiny").stream(id);
  const made: ModelStage[] = [];
  for (let index = 0; index < stages; index++) {
    const parents = made.filter(() => rng.next() < 0.5);
    made.push(drawStage(rng, `s${index}`, drawOne(rng, models), parents, id));
  }
  return { id, arrivalUs: 0, reveal: "static", stages: made };
}

function drawStage(rng: Rng, id: string, model: string, parents: readonly ModelStage[], workflow: string): ModelStage {
  const parent = parents.find((each) => each.model === model && each.items === 1);
  const goesOn = parent !== undefined && rng.next() < 0.6;
  const head: readonly Segment[] = goesOn
    ? [...parent.prompt, { kind: "output", stage: parent.id }]
    : [{ kind: "text", key: drawOne(rng, ["system", `context of ${workflow}`]), tokens: 4000 }];
  const tokens = drawInteger(rng, 200, 3000);
  const actual = drawInteger(rng, 20, 300);
  return llm(id, {
    model,
    parents: parents.map((each) => ({ stage: each.id, bytes: 1e6 })),
    prompt: [...head, { kind: "text", key: `of ${workflow}/${id}`, tokens }],
    output: { estimate: actual, actual, limit: 400 },
    items: rng.next() < 0.25 ? 3 : 1,
  });
}

/** All of them as one: a tool that takes until its arrival comes before each, and names do not clash. */
export function unite(workflows: readonly Workflow[]): Workflow {
  const stages = workflows.flatMap(({ id, arrivalUs, stages: own }): Stage[] => {
    const name = (stage: string): string => `${id}.${stage}`;
    const gate: Stage = {
      id: name("arrival"),
      kind: "tool",
      parents: [],
      priority: 0,
      estimateUs: arrivalUs,
      actualUs: arrivalUs,
    };
    const renamed = own.map((stage): Stage => ({
      ...(stage as ModelStage),
      id: name(stage.id),
      parents: [
        { stage: gate.id, bytes: 0 },
        ...stage.parents.map((parent) => ({ ...parent, stage: name(parent.stage) })),
      ],
      prompt: (stage as ModelStage).prompt.map((segment) =>
        segment.kind === "output" ? { ...segment, stage: name(segment.stage) } : segment,
      ),
    }));
    return [gate, ...renamed];
  });
  return { id: "all", arrivalUs: 0, reveal: "static", stages };
}

/** The least value over all orders and engines, without splits. `valueOf` is given when each stage ends. */
export function leastOver(
  workflow: Workflow,
  machines: Cluster,
  valueOf: (endUs: (stage: string) => number) => number,
): number {
  const instance = toInstance(workflow, createCostModel(machines, knownModels, shippedCalibration));
  if (instance === undefined) return Infinity;
  const decoder = new Decoder(instance, new Services(instance));
  const at = new Map(workflow.stages.map(({ id }, index) => [id, index]));
  const shares = instance.stages.map((): { engine: number; items: number }[] => []);
  let least = Infinity;
  const tryOrders = (order: readonly number[]): void => {
    if (order.length === instance.stages.length) {
      const { endsUs } = decoder.decode({ order, shares });
      least = Math.min(
        least,
        valueOf((stage) => endsUs[at.get(stage) ?? -1] ?? 0),
      );
      return;
    }
    const free = instance.stages.flatMap(({ node, stage }, index) =>
      order.includes(index) || !node.parents.every((parent) => order.includes(parent.index)) ? [] : [{ index, stage }],
    );
    // What takes no engine is in nobody's way.
    const tool = free.find(({ stage }) => stage === undefined);
    for (const { index } of tool === undefined ? free : [tool]) tryOrders([...order, index]);
  };
  const tryEngines = (index: number): void => {
    const each = instance.stages[index];
    if (each === undefined) return tryOrders([]);
    if (each.stage === undefined) return tryEngines(index + 1);
    for (const engine of each.engines) {
      shares[index] = [{ engine, items: each.stage.items }];
      tryEngines(index + 1);
    }
  };
  tryEngines(0);
  return least;
}
