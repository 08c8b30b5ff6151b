/**
 * How long one decision of `fate` takes, by ready stages and engines, next to `greedy-finish-sharded` on the same views.
 *
 * Batches of small workflows of mixed models come in on hetero-8, or on a scaled cluster, and are carried out, so that views are taken from the
 * middle of a run: engines partly busy, models and prefixes where work left them, stages behind the ready ones.
 */

import { namedCluster, scaleCluster } from "../src/catalogue/clusters.ts";
import { knownModels } from "../src/catalogue/models.ts";
import type { Stage, Workflow } from "../src/model/workflow.ts";
import { policies } from "../src/policy/policies.ts";
import type { Plan, Policy, View } from "../src/policy/policy.ts";
import { createRng, type Rng } from "../src/random/rng.ts";
import { simulate } from "../src/sim/simulate.ts";

const frontiers = [1, 8, 16, 32, 64];
const fleets = [8, 32, 100, 1000];
const warmUps = 150;
/** A stage that is alone is planned so quickly that compiling would be measured for long. */
const aloneWarmUps = 2000;
const plansPerSize = 100;
/** Views with a few ready stages more count as well. */
const slack = 1.25;
/** Part of the engines' time that the batches ask for, roughly; next to nothing for a stage that is alone. */
const busy = 0.6;
const alone = 0.01;
const mostBatches = 6000;

const mixed = ["llama-3.1-8b", "phi-4-14.7b", "qwen2.5-7b", "qwen2.5-32b"] as const;
const rootsPerWorkflow = 4;
const stageSeconds = 8;

export function benchPlan(): void {
  print(`${plansPerSize} plans a size after ${warmUps}, seed 1, ${mixed.length} models; ms a plan`);
  print(row(["ready x engines", "fate p50", "p99", "greedy p50", "p99", "ratio p50", "p99"]));
  const [, only] = process.argv.slice(2);
  for (const ready of frontiers)
    for (const engines of fleets)
      if (only === undefined || only === `${ready}x${engines}`) report(`${ready} x ${engines}`, ready, engines, busy);
  if (only === undefined || only === "lone") report("lone x 100", 1, 100, alone);
}

type Times = { readonly fate: number[]; readonly greedy: number[] };

function report(label: string, ready: number, engines: number, load: number): void {
  const { fate, greedy } = measure(ready, engines, load);
  const cells = [quantile(fate, 0.5), quantile(fate, 0.99), quantile(greedy, 0.5), quantile(greedy, 0.99)];
  const [fateP50 = 0, fateP99 = 0, greedyP50 = 0, greedyP99 = 0] = cells;
  const ratios = [fateP50 / greedyP50, fateP99 / greedyP99].map((ratio) => ratio.toFixed(1));
  print(row([label, ...cells.map((ms) => ms.toFixed(2)), ...ratios, fate.length < plansPerSize ? "too few" : ""]));
}

/** Greedy decides; `fate` is asked about the same views and remembers what it would have done. */
function measure(ready: number, engines: number, load: number): Times {
  const fate: number[] = [];
  const greedy: number[] = [];
  let memory: unknown;
  let seen = 0;
  const plan: Policy = (view) => {
    const { result, ms } = timed(policies["greedy-finish-sharded"].plan, view);
    if (view.ready.length < ready || view.ready.length > slack * ready || isDone()) return result;
    const planned = timed(policies.fate.plan, { ...view, memory });
    ({ memory } = planned.result);
    seen += 1;
    if (seen > (load === alone ? aloneWarmUps : warmUps)) {
      fate.push(planned.ms);
      greedy.push(ms);
    }
    return result;
  };
  const isDone = (): boolean => fate.length >= plansPerSize;
  const policy = { plan, summary: "greedy, with fate asked beside it" };
  const cluster = (engines === 8 ? namedCluster("hetero-8") : undefined) ?? scaleCluster(engines);
  const workflows = batches(ready, engines, load, isDone);
  simulate({ workflows, models: knownModels, cluster, policy, seed: 1 });
  return { fate, greedy };
}

/** Batch after batch with so many ready stages between them, until enough has been seen. */
function* batches(ready: number, engines: number, load: number, isDone: () => boolean): Generator<Workflow> {
  const rng = createRng(1, `plan ${ready} x ${engines}`);
  const roots = Math.min(ready, rootsPerWorkflow);
  const gapUs = ((ready * 3 * stageSeconds) / engines / load) * 1e6;
  for (let batch = 0; batch < mostBatches && !isDone(); batch++)
    for (let index = 0; index < ready / roots; index++)
      yield drawWorkflow(rng, `w${batch}-${index}`, roots, Math.round(batch * gapUs));
}

/** Roots, as many stages behind them that read two of them each, and one that merges. */
function drawWorkflow(rng: Rng, id: string, roots: number, arrivalUs: number): Workflow {
  const stages: Stage[] = [];
  const draw = (stage: string, parents: readonly string[]): void => {
    const actual = 50 + rng.below(200);
    const kind = rng.below(mixed.length);
    stages.push({
      id: stage,
      kind: "llm",
      model: mixed[kind] ?? mixed[0],
      parents: parents.map((parent) => ({ stage: parent, bytes: 4e6 })),
      priority: 0,
      prompt: [
        { kind: "text", key: `system-${kind}`, tokens: 1000 },
        { kind: "own", tokens: 200 + rng.below(800) },
      ],
      output: { estimate: 150, actual, limit: 400 },
      items: 1 + rng.below(2),
    });
  };
  for (let at = 0; at < roots; at++) draw(`root-${at}`, []);
  for (let at = 0; at < roots; at++) draw(`next-${at}`, [...new Set([`root-${at}`, `root-${(at + 1) % roots}`])]);
  draw(
    "merge",
    stages.slice(roots).map((stage) => stage.id),
  );
  return { id, arrivalUs, reveal: "static", stages };
}

function timed(plan: Policy, view: View): { readonly result: Plan; readonly ms: number } {
  const startMs = performance.now();
  const result = plan(view);
  return { result, ms: performance.now() - startMs };
}

function quantile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((left, right) => left - right);
  return sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
}

function row(cells: readonly string[]): string {
  return cells.map((cell, index) => cell.padStart(index === 0 ? 15 : 12)).join("");
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
