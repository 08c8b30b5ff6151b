/**
 * How long one pass of the decoders of `foresight` takes, by stages in sight, on hetero-8: plans with every placement told, as the
 * search decodes them by the hundred, and with every stage left to go where it ends first, as constructions do. On homo, where engines
 * prefill and decode apart, places are always told.
 */

import { batchedVersion } from "../src/catalogue/batched-version.ts";
import { namedCluster } from "../src/catalogue/clusters.ts";
import { knownModels } from "../src/catalogue/models.ts";
import type { Stage, Workflow } from "../src/model/workflow.ts";
import { layBatches } from "../src/policy/foresight/batched/lay.ts";
import { noDemand } from "../src/policy/foresight/demand.ts";
import { byTurn, leaveOpen } from "../src/policy/foresight/constructions.ts";
import { Decoder } from "../src/policy/foresight/decode.ts";
import { lookOut } from "../src/policy/foresight/outlook.ts";
import { layPairs } from "../src/policy/foresight/pairs/plan/lay.ts";
import type { PlanDecoder } from "../src/policy/foresight/plan.ts";
import { layScene } from "../src/policy/foresight/scene.ts";
import { foresightDefaults } from "../src/policy/foresight/settings.ts";
import { policies } from "../src/policy/policies.ts";
import type { Policy } from "../src/policy/policy.ts";
import { drawOne } from "../src/random/distributions.ts";
import { createRng } from "../src/random/rng.ts";
import { simulate } from "../src/sim/simulate.ts";

const sizes = [25, 50, 100, 200, 400];
const plans = 200;
const rounds = 10;
const mixed = ["llama-3.1-8b", "phi-4-14.7b", "qwen2.5-7b", "qwen2.5-32b"] as const;

export function benchForesight(): void {
  for (const kind of ["exclusive", "batched"] as const) {
    print(`${kind} engines`);
    benchOn(kind);
  }
  benchPairs();
}

type Kind = "exclusive" | "batched";

function benchOn(kind: Kind): void {
  print(
    `hetero-8, ${mixed.length} models, two parents a stage, seed 1; ${plans} random plans ${rounds} times; us of a core a pass`,
  );
  print(["stages", "told", "a stage", "left open", "a stage"].map((each) => each.padStart(12)).join(""));
  for (const size of [sizes[0]!, ...sizes]) {
    const { toldUs, openUs } = measure(size, kind);
    const cells = [size, toldUs, toldUs / size, openUs, openUs / size];
    print(cells.map((each) => (each === size ? `${size}` : each.toFixed(2)).padStart(12)).join(""));
  }
}

function measure(size: number, kind: Kind): { readonly toldUs: number; readonly openUs: number } {
  const decoder = layOut(drawWorkflow(size), kind);
  const { scene } = decoder;
  const rng = createRng(1, "plans");
  const open = leaveOpen(scene, byTurn(scene), kind === "exclusive");
  const told = Array.from({ length: plans }, () =>
    Int32Array.from(scene.stages, (_, stage) => drawOne(rng, scene.able[stage]!)),
  );
  const perPass = (some: readonly Int32Array[]): number => {
    let start = process.cpuUsage();
    for (let round = -rounds; round < rounds; round++) {
      if (round === 0) start = process.cpuUsage();
      for (const each of some) decoder.decode(open.order, each);
    }
    return process.cpuUsage(start).user / rounds / some.length;
  };
  return { toldUs: perPass(told), openUs: perPass([open.told, open.told, open.told]) };
}

/** What `foresight` sees when the workflow arrives. */
function layOut(workflow: Workflow, kind: Kind): PlanDecoder {
  const found: PlanDecoder[] = [];
  const settings = { ...foresightDefaults, mostStages: Infinity };
  const plan: Policy = (view) => {
    if (found.length === 0) {
      const outlook = lookOut(view, undefined);
      found.push(
        kind === "batched"
          ? layBatches(view, outlook, settings, noDemand)
          : new Decoder(layScene(view, outlook, settings, noDemand), true),
      );
    }
    return policies["greedy-finish"].plan(view);
  };
  const named = namedCluster("hetero-8")!;
  const cluster = kind === "batched" ? batchedVersion(named, 64) : named;
  simulate({ workflows: [workflow], models: knownModels, cluster, policy: { plan, summary: "a look" }, seed: 1 });
  return found[0]!;
}

function benchPairs(): void {
  print(
    `prefill and decode apart, homo, calls that are all ready; ${plans} random plans ${rounds} times; us of a core a pass`,
  );
  print(["calls", "told", "a call"].map((each) => each.padStart(12)).join(""));
  for (const size of [sizes[0]!, ...sizes.slice(0, 4)]) {
    const us = measurePairs(size);
    print([`${size}`, us.toFixed(2), (us / size).toFixed(2)].map((each) => each.padStart(12)).join(""));
  }
}

function measurePairs(size: number): number {
  const { scene, decoder } = layOutPairs(size);
  const rng = createRng(1, "plans");
  const order = Int32Array.from(scene.stages.keys());
  const some = Array.from({ length: plans }, () => ({
    order,
    told: Int32Array.from(order, () => decoder.toPair(rng.below(8), 8 + rng.below(8))),
  }));
  let start = process.cpuUsage();
  for (let round = -rounds; round < rounds; round++) {
    if (round === 0) start = process.cpuUsage();
    for (const each of some) decoder.decode(each);
  }
  return process.cpuUsage(start).user / rounds / plans;
}

function layOutPairs(size: number): ReturnType<typeof layPairs> {
  const found: ReturnType<typeof layPairs>[] = [];
  const rng = createRng(1, `pairs ${size}`);
  const stages = Array.from({ length: size }, (_, index): Stage => ({
    id: `s${index}`,
    kind: "llm",
    model: "llama-3.1-70b",
    parents: [],
    priority: 0,
    prompt: [
      { kind: "text", key: "system", tokens: 600 },
      { kind: "own", tokens: 200 + rng.below(3000) },
    ],
    output: { estimate: 50 + rng.below(400), actual: 100, limit: 1000 },
    items: 1,
  }));
  const plan: Policy = (view) => {
    const inTurn = { rank: [...stages.keys()], climb: stages.map(() => 0), overtakes: true };
    if (found.length === 0) found.push(layPairs(view, [...view.workflows.open.values()], () => inTurn, 150_000));
    return policies.hexagent.plan(view);
  };
  simulate({
    workflows: [{ id: "w", arrivalUs: 0, reveal: "online", stages }],
    models: knownModels,
    cluster: namedCluster("homo")!,
    policy: { plan, summary: "a look" },
    seed: 1,
  });
  return found[0]!;
}

function drawWorkflow(size: number): Workflow {
  const rng = createRng(1, `foresight ${size}`);
  const stages = Array.from({ length: size }, (_, index): Stage => {
    const model = rng.below(mixed.length);
    const parents = index < 4 ? [] : [...new Set([index - 1 - rng.below(4), rng.below(index)])];
    return {
      id: `s${index}`,
      kind: "llm",
      model: mixed[model]!,
      parents: parents.map((parent) => ({ stage: `s${parent}`, bytes: 4e6 })),
      priority: 0,
      prompt: [
        { kind: "text", key: `system-${model}`, tokens: 1000 },
        { kind: "own", tokens: 200 + rng.below(800) },
      ],
      output: { estimate: 150, actual: 150, limit: 400 },
      items: 1 + rng.below(2),
    };
  });
  return { id: "w", arrivalUs: 0, reveal: "static", stages };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
