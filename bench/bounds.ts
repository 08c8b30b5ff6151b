/**
 * How far policies are from the best there can be: `npm run bench -- bounds [SEEDS] [CLUSTER] [PLANS] [--out PREFIX] [--sizes]`, seeds
 * as `1-4`. Every workflow of benchmark A from a cold cluster, on all cores; `--out` writes PREFIX.json and PREFIX.md. `--sizes`
 * tells instead, by size, what bounds and plans take and find.
 */

import { strict as assert } from "node:assert";
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { boundsOf } from "../src/bound/bounds.ts";
import { tabulateDistances, type Distance } from "../src/bound/distance.ts";
import { fullDagPlan } from "../src/bound/full-dag.ts";
import { namedCluster } from "../src/catalogue/clusters.ts";
import { findData } from "../src/experiment/real-dag.ts";
import type { Cluster } from "../src/model/cluster.ts";
import { generateWorkload } from "../src/trace/generate/generate-workload.ts";
import { cpSatSeconds, perSeed, type DistanceReport, type DistanceTask } from "./bounds-worker.ts";
import { renderDistances, seconds } from "./render-distances.ts";

const sizes = [10, 20, 40, 80, 120, 160, 300];

export async function benchBounds(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { out: { type: "string" }, sizes: { type: "boolean" } },
  });
  const [, seeds = "1-4", clusterName = "hetero-8", plans = "10000"] = positionals;
  const cluster = namedCluster(clusterName);
  assert(cluster !== undefined, `no cluster ${clusterName}`);
  if (values.sizes === true) return await showSizes(cluster, Number(plans));
  const [first = 1, last = first] = seeds.split("-").map(Number);
  const distances = await measure({ first, last, cluster: clusterName, plans: Number(plans) });
  const table = tabulateDistances(distances);
  const setting = {
    command: `npm run bench -- bounds ${seeds} ${clusterName} ${plans}`,
    workflows: `${perSeed} of benchmark A a seed, ${findData() === undefined ? "generated" : "recorded"}`,
    cpSatSeconds,
  };
  const text = renderDistances(table, distances, setting);
  console.log(text);
  if (values.out === undefined) return;
  writeFileSync(`${values.out}.json`, `${JSON.stringify({ setting, table, distances }, null, 2)}\n`);
  writeFileSync(`${values.out}.md`, text);
}

/** Each worker takes the next workflow as soon as it is done with one; the answer is in the order of the workflows. */
async function measure(task: Omit<DistanceTask, "index">): Promise<readonly Distance[]> {
  const count = (task.last - task.first + 1) * perSeed;
  const distances: Distance[] = [];
  let next = 0;
  let done = 0;
  const runWorker = (): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const worker = new Worker(new URL("bounds-worker.ts", import.meta.url));
    const handOut = (): void => {
      const index = next++;
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      if (index < count) return worker.postMessage({ ...task, index } satisfies DistanceTask);
      resolve(worker.terminate().then(() => {}));
    };
    worker.on("error", reject);
    worker.on("message", ({ index, distance }: DistanceReport) => {
      distances[index] = distance;
      done += 1;
      process.stderr.write(`${done}/${count}  ${progressOf(distance)}\n`);
      handOut();
    });
    handOut();
    return promise;
  };
  await Promise.all(Array.from({ length: Math.min(count, availableParallelism()) }, runWorker));
  return distances;
}

function progressOf({ plan }: Distance): string {
  const { workflow, lowerUs, policyUs, cpSat, latencyUs, source } = plan;
  const held = cpSat === undefined ? "skipped" : `${seconds(cpSat.latencyUs)}${cpSat.improved ? "" : " (its hint)"}`;
  return `${workflow}  bound ${seconds(lowerUs)}  policy ${seconds(policyUs)}  CP-SAT ${held}  best ${seconds(latencyUs)} ${source}`;
}

async function showSizes(cluster: Cluster, plans: number): Promise<void> {
  console.log(
    "| stages | bound, ms | best warm start, s | CP-SAT | its plan, s | CP-SAT, s of wall time | annealed, s |",
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
  for (const size of sizes) {
    const tasks = { least: Math.round(size * 0.9), most: Math.round(size * 1.1) };
    const { workload, models } = generateWorkload({ families: ["wfcommons"], count: 1, seed: 101, tasks });
    const [workflow] = workload.workflows;
    if (workflow === undefined) continue;
    const [boundMs] = await clocked(() => boundsOf([workflow], models, cluster, { start: "cold" }));
    const given = { cpSatSeconds, cpSatMostStages: Infinity };
    const [hintMs] = await clocked(() => fullDagPlan(workflow, models, cluster, { plans: 0 }));
    const [cpSatMs, { policyUs, cpSat }] = await clocked(() =>
      fullDagPlan(workflow, models, cluster, { ...given, plans: 0 }),
    );
    const { annealedUs = Infinity } = await fullDagPlan(workflow, models, cluster, { plans });
    const cells = [
      `${workflow.stages.length}`,
      boundMs.toFixed(0),
      seconds(policyUs),
      cpSat?.optimal === true ? "proven" : cpSat?.improved === true ? "better" : "its hint",
      seconds(cpSat?.latencyUs ?? Infinity),
      ((cpSatMs - hintMs) / 1000).toFixed(1),
      seconds(annealedUs),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}

async function clocked<Value>(run: () => Value | Promise<Value>): Promise<readonly [number, Value]> {
  const startMs = performance.now();
  const value = await run();
  return [performance.now() - startMs, value];
}
