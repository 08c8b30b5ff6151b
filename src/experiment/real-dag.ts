/**
 * Benchmark A: recorded scientific graphs as LLM workflows. A seed draws the graphs, their annotation and their arrivals.
 *
 * A graph is drawn by family, uniformly, then by instance, among those of 5 to 300 tasks. In `solo` each workflow arrives when the
 * one before it has ended, so that the cluster's state carries over and nothing queues behind strangers. In a stream workflows
 * arrive at random, at a rate that would fill `load` of the engines' time if every stage took the least work that it can take.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { shippedCalibration } from "../cost/shipped-calibration.ts";
import { createMeasure } from "../measure/measure.ts";
import type { Cluster } from "../model/cluster.ts";
import type { Workflow } from "../model/workflow.ts";
import { policies } from "../policy/policies.ts";
import { drawExponential, drawOne } from "../random/distributions.ts";
import { createRng } from "../random/rng.ts";
import { simulate } from "../sim/simulate.ts";
import { annotateGraph, cleanName, type AnnotateOptions } from "../trace/annotate.ts";
import { generateWorkload } from "../trace/generate/generate-workload.ts";
import { readText } from "../trace/read-text.ts";
import type { TaskGraph } from "../trace/task-graph.ts";
import { readWfinstances } from "../trace/wfinstances.ts";
import { namedModels, type WorkloadAndModels } from "../trace/workload-file.ts";

export type RealDagSource = {
  readonly kind: "real-dag";
  readonly count: number;
  /** Part of the cluster's capacity that arrivals ask for at least; one workflow after another if absent. */
  readonly load?: number;
  /** Directory of public data; graphs of the same families are generated where it is absent. */
  readonly data?: string;
  /** How the graphs are annotated, where it differs from the usual. */
  readonly vary?: Pick<AnnotateOptions, "models" | "error" | "branches" | "edgeBytesScale">;
};

const fewestTasks = 5;
const mostTasks = 300;
/** Two graphs of WfInstances that only show the format. */
const noFamily = new Set(["helloworld"]);

export function loadRealDag(source: RealDagSource, seed: number, cluster: Cluster): WorkloadAndModels {
  const workflows = source.data === undefined ? generated(source, seed) : recorded(source, source.data, seed);
  const models = namedModels(workflows, []);
  const id = `real-dag-${source.load === undefined ? "solo" : `stream-${source.load.toFixed(2)}`}-seed-${seed}`;
  if (source.load === undefined) return { workload: { id, workflows, oneAtATime: true }, models };
  const key = JSON.stringify([source.count, source.data, source.vary, seed, cluster]);
  const workUs = knownWorkUs.get(key) ?? leastWorkUs({ workload: { id, workflows }, models }, cluster);
  remember(key, workUs);
  const gapUs = workUs / source.count / source.load;
  const rng = createRng(seed, "arrival");
  let atUs = 0;
  const arriving = workflows.map((workflow) => {
    const arrivalUs = Math.round(atUs);
    atUs += drawExponential(rng, gapUs);
    return { ...workflow, arrivalUs };
  });
  return { workload: { id, workflows: arriving }, models };
}

function generated({ count, vary }: RealDagSource, seed: number): readonly Workflow[] {
  const tasks = { least: fewestTasks, most: mostTasks };
  return generateWorkload({ families: ["wfcommons"], count, seed, tasks, ...vary }).workload.workflows;
}

function recorded({ count, vary }: RealDagSource, data: string, seed: number): readonly Workflow[] {
  const families = [...readFamilies(data)];
  return Array.from({ length: count }, (_, index) => {
    const rng = createRng(seed, "real-dag").stream(`${index}`);
    const [family, graphs] = drawOne(rng.stream("family"), families);
    const graph = drawOne(rng.stream("instance"), graphs);
    return annotateGraph(graph, { ...vary, seed, id: `${index}-${cleanName(family)}-${graph.tasks.length}` });
  });
}

type Families = ReadonlyMap<string, readonly TaskGraph[]>;
const known = new Map<string, Families>();

/** Where the graphs lie in a directory of public data. */
export function instancesFile(data: string): string {
  return join(data, "wfinstances", "wfinstances-compact.ndjson.gz");
}

/** The directory beside a clone, if there is one. */
export function findData(): string | undefined {
  return existsSync(instancesFile("../shared/data")) ? "../shared/data" : undefined;
}

function readFamilies(data: string): Families {
  const found = known.get(data);
  if (found !== undefined) return found;
  const file = instancesFile(data);
  const graphs = readWfinstances(readText(file), file).filter(
    ({ family, tasks }) => !noFamily.has(family) && tasks.length >= fewestTasks && tasks.length <= mostTasks,
  );
  const families = Map.groupBy(graphs, ({ family }) => family);
  known.set(data, families);
  return families;
}

/** Cells of one seed follow each other, under many policies. */
const knownWorkUs = new Map<string, number>();
const mostKnown = 8;

function remember(key: string, workUs: number): void {
  knownWorkUs.set(key, workUs);
  const [oldest] = knownWorkUs.keys();
  if (knownWorkUs.size > mostKnown && oldest !== undefined) knownWorkUs.delete(oldest);
}

/** Engine time that the workload takes from each engine at least, on average: from a run that shows every stage. */
function leastWorkUs({ workload, models }: WorkloadAndModels, cluster: Cluster): number {
  const measure = createMeasure({
    kind: "journal",
    version: 1,
    seed: 0,
    policy: "round-robin",
    workload: workload.id,
    cluster,
    models,
    calibration: shippedCalibration,
  });
  const { workflows } = workload;
  const policy = policies["round-robin"];
  simulate({ workflows, models, cluster, policy, seed: 0, onEvent: (event) => measure.see(event) });
  return measure.end().bounds.workUs;
}
