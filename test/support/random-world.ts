/**
 * Worlds by seed: a cluster with engines of several sorts, and workflows of several shapes that arrive over time.
 * Some stages can run nowhere and some inputs reach no engine, on purpose.
 */

import { gpuKinds } from "../../src/catalogue/gpus.ts";
import { knownModels } from "../../src/catalogue/models.ts";
import type { Batching, Cluster, Engine, EngineRole, Zone } from "../../src/model/cluster.ts";
import type { Model } from "../../src/model/model.ts";
import { gigabytes } from "../../src/model/units.ts";
import type { ModelStage, Segment, Stage, Workflow } from "../../src/model/workflow.ts";
import { drawExponential, drawInteger, drawLogNormal, drawOne, drawWeighted } from "../../src/random/distributions.ts";
import { createRng, type Rng } from "../../src/random/rng.ts";

export type RandomWorld = {
  readonly seed: number;
  readonly cluster: Cluster;
  readonly models: readonly Model[];
  readonly workflows: readonly Workflow[];
};

const modelIds = ["embed-1.2b", "llama-3.1-8b", "phi-4-14.7b", "qwen2.5-32b-fp8"];
const models = knownModels.filter((model) => modelIds.includes(model.id));

export function randomWorld(seed: number): RandomWorld {
  const rng = createRng(seed, "world");
  const cluster = drawCluster(rng.stream("cluster"));
  const workflows = drawWorkflows(rng.stream("workflows"), cluster);
  return { seed, cluster, models, workflows: drawBranches(rng.stream("branches"), workflows) };
}

/** A random world in which all engines, or all but every other one, run a batch per model. */
export function mixingWorld(seed: number): RandomWorld {
  const world = randomWorld(seed);
  const rng = createRng(seed, "mixing");
  const every = drawOne(rng, [1, 1, 2]);
  const engines = world.cluster.engines.map((engine, index): Engine => {
    const maxSequences = drawInteger(rng, 2, 10);
    if (index % every !== 0) return engine;
    return {
      ...engine,
      batching: { ...drawOne(rng, [chunked, whole]), maxSequences, mixesModels: true },
      resident: ["embed-1.2b", "llama-3.1-8b"],
      maxResident: drawInteger(rng, 2, 3),
      kvBytes: gigabytes(drawOne(rng, [1.5, 3, 5])),
    };
  });
  return { ...world, cluster: { ...world.cluster, engines } };
}

/** In a third of the worlds two in five stages may turn out not to run. */
function drawBranches(rng: Rng, workflows: readonly Workflow[]): readonly Workflow[] {
  if (rng.next() > 1 / 3) return workflows;
  const change = (stage: Stage): Stage => {
    const chance = drawOne(rng, [0.2, 0.5, 0.8]);
    const runs = rng.next() < chance;
    return rng.next() < 0.4 ? { ...stage, branch: { chance, runs } } : stage;
  };
  return workflows.map((flow) => ({ ...flow, stages: flow.stages.map(change) }));
}

/** The same world with other output lengths, tool times and branches taken, which nobody can know beforehand. */
export function withOtherTruth(world: RandomWorld): RandomWorld {
  const rng = createRng(world.seed, "other truth");
  const branchRng = createRng(world.seed, "other branches");
  const change = (stage: Stage): Stage => {
    const other: Stage =
      stage.kind === "tool"
        ? { ...stage, actualUs: drawAround(rng, stage.estimateUs) }
        : { ...stage, output: { ...stage.output, actual: drawActual(rng, stage.output.estimate) } };
    if (stage.branch === undefined) return other;
    const { chance, runs } = stage.branch;
    return { ...other, branch: { chance, runs: branchRng.next() < 0.5 ? runs : !runs } };
  };
  return { ...world, workflows: world.workflows.map((flow) => ({ ...flow, stages: flow.stages.map(change) })) };
}

const exclusive: Batching = { kind: "exclusive", maxSequences: 8 };
const chunked = { kind: "batched", maxSequences: 6, prefillTokens: 2048, chunkedPrefill: true } as const;
const whole = { kind: "batched", maxSequences: 4, prefillTokens: 4096, chunkedPrefill: false } as const;

function drawCluster(rng: Rng): Cluster {
  const pairs = rng.next() < 0.25;
  const count = drawInteger(rng, pairs ? 3 : 1, 6);
  const hostIds = Array.from({ length: drawInteger(rng, 1, Math.min(3, count)) }, (_, index) => `host-${index}`);
  const hostOf = (index: number): string => hostIds[index % hostIds.length] as string;
  const gpus = drawOne(rng, [["h100-80g"], ["h100-80g", "a100-80g"], ["h200-141g", "l40s-48g"]]);
  const batchings = drawOne<readonly Batching[]>(rng, [
    [exclusive],
    [exclusive],
    [chunked],
    [whole],
    [exclusive, chunked],
  ]);
  const roles: readonly EngineRole[] = pairs ? ["prefill", "decode", drawOne(rng, ["both", "decode"])] : ["both"];
  const several = rng.next() < 0.4;
  const linked = drawOne(rng, [1, 1, 0.5]);
  const store = rng.next() < 0.7 ? { store: { bytesPerSecond: gigabytes(0.4), latencyUs: 2000 } } : {};
  const zones = drawZones(rng);
  return {
    id: "random",
    gpus: gpuKinds,
    hosts: hostIds.map((id, index) => ({
      id,
      ...(zones.length > 0 && index === 0 ? { zone: "closed" } : {}),
      loadBytesPerSecond: gigabytes(drawOne(rng, [8, 12])),
      loadLatencyUs: 800_000,
      localBytesPerSecond: gigabytes(20),
      localLatencyUs: 10,
      nicBytesPerSecond: gigabytes(20),
    })),
    devices: Array.from({ length: count }, (_, index) => ({
      id: `gpu-${index}`,
      host: hostOf(index),
      gpu: (pairs ? gpus[0] : gpus[index % gpus.length]) as string,
    })),
    links: hostIds.flatMap((from) =>
      hostIds
        .filter((to) => to !== from && rng.next() < linked)
        .map((to) => ({ from, to, bytesPerSecond: gigabytes(drawOne(rng, [2.5, 10])), latencyUs: 50 })),
    ),
    zones,
    ...store,
    engines: Array.from({ length: count }, (_, index): Engine => {
      const batching = batchings[index % batchings.length] as Batching;
      const resident = index % 2 === 0 ? ["llama-3.1-8b"] : [];
      return {
        id: `engine-${index}`,
        devices: [`gpu-${index}`],
        role: roles[index % roles.length] as EngineRole,
        batching,
        resident,
        maxResident: several ? 2 : 1,
        memoryShare: 0.9,
        ...(several ? { kvBytes: gigabytes(4) } : {}),
        labels: index === 0 ? ["first"] : [],
      };
    }),
  };
}

function drawZones(rng: Rng): Zone[] {
  return drawWeighted(rng, [
    [[], 7],
    [[{ id: "closed", keepsOutputs: true }], 1],
    [[{ id: "closed", keepsOutputs: false, models: ["llama-3.1-8b", "embed-1.2b"] }], 2],
  ]);
}

function drawWorkflows(rng: Rng, cluster: Cluster): Workflow[] {
  const meanGapUs = drawOne(rng, [0, 500_000, 4_000_000]);
  let arrivalUs = 0;
  return Array.from({ length: drawInteger(rng, 2, 6) }, (_, index): Workflow => {
    arrivalUs += Math.round(drawExponential(rng, meanGapUs));
    const reveal = drawOne(rng, ["static", "online"] as const);
    return { id: `w${index}`, arrivalUs, reveal, stages: drawStages(rng, cluster) };
  });
}

function drawStages(rng: Rng, cluster: Cluster): Stage[] {
  const stages: Stage[] = [];
  const count = drawInteger(rng, 1, 10);
  for (let index = 0; index < count; index++) {
    const earlier = stages.filter(() => rng.next() < 2 / Math.max(1, index));
    const parents = earlier.slice(-3).map(({ id }) => ({ stage: id, bytes: drawInteger(rng, 500, 2_000_000) }));
    const base = { id: `s${index}`, parents, priority: rng.next() < 0.1 ? 1 : 0 };
    const tool = rng.next() < 0.15;
    const estimateUs = drawInteger(rng, 1000, 2_000_000);
    stages.push(
      tool
        ? { ...base, kind: "tool", estimateUs, actualUs: drawAround(rng, estimateUs) }
        : drawModelStage(rng, base, cluster),
    );
  }
  return stages;
}

function drawModelStage(rng: Rng, base: Pick<Stage, "id" | "parents" | "priority">, cluster: Cluster): ModelStage {
  const embed = rng.next() < 0.1;
  const model = embed ? "embed-1.2b" : drawOne(rng, modelIds.slice(1));
  const estimate = embed ? 0 : drawInteger(rng, 8, 300);
  const outputs = base.parents.slice(0, 2).map(({ stage }): Segment => ({ kind: "output", stage }));
  const allow = drawWeighted(rng, [
    [{}, 20],
    [{ allow: { engines: [drawOne(rng, cluster.engines).id] } }, 1],
    [{ allow: { labels: ["first"] } }, 1],
    [{ allow: { labels: ["nowhere"] } }, 0.3],
  ]);
  return {
    ...base,
    kind: embed ? "embed" : "llm",
    model,
    prompt: [
      { kind: "text", key: `system of ${model}`, tokens: 800 },
      ...outputs,
      { kind: "own", tokens: drawInteger(rng, 50, 4000) },
    ],
    output: { estimate, actual: drawActual(rng, estimate), limit: estimate * 4 },
    items: drawWeighted(rng, [
      [1, 7],
      [drawInteger(rng, 2, 12), 3],
    ]),
    ...allow,
  };
}

function drawActual(rng: Rng, estimate: number): number {
  const drawn = drawLogNormal(rng, Math.max(1, estimate), 0.5);
  return estimate === 0 ? 0 : Math.max(1, Math.min(estimate * 4, Math.round(drawn)));
}

function drawAround(rng: Rng, estimateUs: number): number {
  return Math.max(1, Math.round(drawLogNormal(rng, estimateUs, 0.5)));
}
