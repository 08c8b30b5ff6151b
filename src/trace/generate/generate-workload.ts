/**
 * Workloads by seed. Workflow `i` is drawn from streams of its own, so it is the same whatever the count and the rate;
 * arrivals have a stream of their own.
 */

import { strict as assert } from "node:assert";
import type { ModelId } from "../../model/model.ts";
import { ownOf } from "../../model/own.ts";
import { secondsToUs } from "../../model/units.ts";
import type { Workflow } from "../../model/workflow.ts";
import { drawExponential, drawOne } from "../../random/distributions.ts";
import { createRng } from "../../random/rng.ts";
import type { ModelShare } from "../annotate/models.ts";
import { meant } from "../closest.ts";
import { InputError } from "../input-error.ts";
import { varyWorkflow, type Variations } from "../vary.ts";
import { namedModels, type WorkloadAndModels } from "../workload-file.ts";
import { families } from "./families.ts";
import type { SizeRange } from "./family.ts";

export type GenerateOptions = Variations & {
  /** Names of `families`; with several, each workflow draws one, uniformly. */
  readonly families: readonly string[];
  readonly count: number;
  readonly seed: number;
  /** Poisson arrivals; all at time 0 if absent. */
  readonly ratePerSecond?: number;
  /** As is usual for the family unless said. */
  readonly reveal?: "static" | "online";
  /** Standard deviation of the logarithm of estimate over actual; 0.4 unless said. */
  readonly error?: number;
  /** For the language model stages of families that do not spread over several models. */
  readonly model?: ModelId;
  /** Which models the categories of annotated graphs are given. */
  readonly models?: readonly ModelShare[];
  /** Part of each prompt that others share, in families with a choice: 0 to 1. */
  readonly sharedShare?: number;
  /** Tasks of a graph, as far as the family's structure allows. */
  readonly tasks?: SizeRange;
};

export function generateWorkload(options: GenerateOptions): WorkloadAndModels {
  const workflows = [...generateWorkflows(options)];
  return { workload: { id: workloadId(options), workflows }, models: namedModels(workflows, []) };
}

export function workloadId({ families: names, count, seed }: GenerateOptions): string {
  return `${names.join("+")}-${count}-seed-${seed}`;
}

/** One after another, as they are asked for: they need not all be in memory. */
export function* generateWorkflows(options: GenerateOptions): Generator<Workflow> {
  checkOptions(options);
  const arrivals = createRng(options.seed, "arrival");
  const meanGapUs = options.ratePerSecond === undefined ? 0 : secondsToUs(1 / options.ratePerSecond);
  let atUs = 0;
  for (let index = 0; index < options.count; index++) {
    yield generateWorkflow(options, index, Math.round(atUs));
    atUs += meanGapUs === 0 ? 0 : drawExponential(arrivals, meanGapUs);
  }
}

/** The workflow at this place in the workload, whatever comes before and after. */
function generateWorkflow(options: GenerateOptions, index: number, arrivalUs: number): Workflow {
  const rng = createRng(options.seed, "workflow").stream(`${index}`);
  const name = drawOne(rng.stream("family"), options.families);
  const { reveal, model, models, tasks } = options;
  const workflow = pickFamily(name).generate({
    id: `${name}-${index}`,
    seed: options.seed,
    rng: rng.stream(name),
    arrivalUs,
    error: options.error ?? 0.4,
    sharedShare: options.sharedShare ?? 0.5,
    ...(reveal === undefined ? {} : { reveal }),
    ...(model === undefined ? {} : { model }),
    ...(models === undefined ? {} : { models }),
    ...(tasks === undefined ? {} : { tasks }),
  });
  return varyWorkflow(workflow, options.seed, options);
}

function pickFamily(name: string): (typeof families)[string] {
  const family = ownOf(families, name);
  if (family !== undefined) return family;
  const names = Object.keys(families);
  throw new InputError("families", "", JSON.stringify(name), `one of ${names.join(", ")}${meant(name, names)}`);
}

function checkOptions({ families: names, count, ratePerSecond, sharedShare = 0 }: GenerateOptions): void {
  for (const name of names) pickFamily(name);
  assert(names.length > 0, "a workload needs at least one family");
  assert(Number.isInteger(count) && count >= 0, `count is a whole number, not ${count}`);
  assert(ratePerSecond === undefined || ratePerSecond > 0, `ratePerSecond is above 0, not ${ratePerSecond}`);
  assert(sharedShare >= 0 && sharedShare <= 1, `sharedShare lies between 0 and 1, not ${sharedShare}`);
}
