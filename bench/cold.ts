/**
 * How soon fleets whose engines are all empty serve calls of several models that come one by one: as many engines of four speeds as asked
 * for, each with four places, and six workflows for each, of three calls of five models, within 72 s. In the simulator.
 *
 *   npm run bench -- cold [--engines 8,32,128] [--seeds 1-4] [--policies NAME,...]
 */

import { parseArgs } from "node:util";
import { knownModels } from "../src/catalogue/models.ts";
import { batchedVersion } from "../src/catalogue/batched-version.ts";
import { scaleCluster } from "../src/catalogue/clusters/scaled.ts";
import { parseSeeds } from "../src/cli/parse-seeds.ts";
import { UsageError } from "../src/cli/usage-error.ts";
import { toContrast } from "../src/experiment/bench/agents/contrast.ts";
import { showContrast } from "../src/experiment/bench/agents/tables.ts";
import { mean } from "../src/measure/statistics.ts";
import { secondsToUs } from "../src/model/units.ts";
import type { Workflow } from "../src/model/workflow.ts";
import { policyNamed } from "../src/policy/policies.ts";
import { drawExponential } from "../src/random/distributions.ts";
import { createRng } from "../src/random/rng.ts";
import { simulate } from "../src/sim/simulate.ts";

const called = ["llama-3.1-8b", "mistral-7b", "phi-4-14.7b", "qwen2.5-14b", "qwen2.5-32b"];
const models = knownModels.filter(({ id }) => called.includes(id));
const places = 4;
const workflowsPerEngine = 6;
const withinSeconds = 72;

export function benchCold(): void {
  const { values } = parseArgs({
    args: process.argv.slice(3),
    options: {
      engines: { type: "string", default: "8,32,128" },
      seeds: { type: "string", default: "1-4" },
      policies: { type: "string", default: "greedy-finish,foresight,fate,collated-fifo" },
    },
  });
  const seeds = parseSeeds(values.seeds);
  const names = values.policies.split(",");
  const [baseline = ""] = names;
  for (const name of names)
    if (policyNamed(name) === undefined)
      throw new UsageError(
        `--policies: found ${JSON.stringify(name)}, expected names of policies, as fate policies lists them`,
      );
  print(
    `mean latency of workflows over that under ${baseline}, paired by seed (${values.seeds}); engines empty at first`,
  );
  for (const engines of values.engines.split(",").map(toCount)) {
    const base = seeds.map((seed) => run(baseline, engines, seed));
    print(toRow(engines, baseline, base, "-"));
    for (const name of names.slice(1)) {
      const own = seeds.map((seed) => run(name, engines, seed));
      print(toRow(engines, name, own, compare(own, base)));
    }
  }
}

type Outcome = { readonly latencyUs: number; readonly loads: number };

function run(name: string, engines: number, seed: number): Outcome {
  const workflows = drawWorkflows(engines, seed);
  const arrivals = new Map(workflows.map(({ id, arrivalUs }) => [id, arrivalUs]));
  const latenciesUs: number[] = [];
  let loads = 0;
  simulate({
    workflows,
    models,
    cluster: batchedVersion(scaleCluster(engines), places),
    policy: policyNamed(name)!,
    seed,
    onEvent: (event) => {
      if (event.kind === "workflow-end") latenciesUs.push(event.atUs - arrivals.get(event.workflow)!);
      if (event.kind === "workflow-abandon") throw new Error(`${name}: ${event.workflow} ${event.reason}`);
      if (event.kind === "model-load-start") loads += 1;
    },
  });
  return { latencyUs: mean(latenciesUs), loads };
}

function drawWorkflows(engines: number, seed: number): readonly Workflow[] {
  const rng = createRng(seed, "cold");
  const count = workflowsPerEngine * engines;
  let atUs = 0;
  return Array.from({ length: count }, (_, index): Workflow => {
    const arrivalUs = Math.round(atUs);
    atUs += drawExponential(rng, secondsToUs(withinSeconds / count));
    const stages = Array.from({ length: 3 }, (_one, step) => {
      const tokens = 200 + rng.below(400);
      return {
        id: `call-${step}`,
        kind: "llm" as const,
        model: called[rng.below(called.length)]!,
        parents: step === 0 ? [] : [{ stage: `call-${step - 1}`, bytes: 0 }],
        priority: 0,
        prompt: [{ kind: "own" as const, tokens: 1000 }],
        output: { estimate: 400, actual: tokens, limit: 800 },
        items: 1,
      };
    });
    return { id: `workflow-${index}`, arrivalUs, reveal: "online", class: `class-${index % 4}`, stages };
  });
}

function compare(own: readonly Outcome[], base: readonly Outcome[]): string {
  return showContrast(toContrast(own.map(({ latencyUs }, seed) => latencyUs / base[seed]!.latencyUs - 1)));
}

function toCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 1000)
    throw new UsageError(`--engines: found ${JSON.stringify(text)}, expected whole numbers from 1 to 1000`);
  return count;
}

function toRow(engines: number, name: string, outcomes: readonly Outcome[], against: string): string {
  const seconds = (mean(outcomes.map(({ latencyUs }) => latencyUs)) / 1e6).toFixed(1);
  const loads = mean(outcomes.map(({ loads: own }) => own)).toFixed(1);
  return `${String(engines).padStart(4)} engines  ${name.padEnd(14)} ${seconds.padStart(6)} s  ${against.padEnd(20)} ${loads.padStart(6)} loads`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
