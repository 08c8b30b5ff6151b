/** The thread that measures how far policies are from the best there can be, a workflow at a time. */

import { strict as assert } from "node:assert";
import { parentPort } from "node:worker_threads";
import { distanceOf, type Distance } from "../src/bound/distance.ts";
import { defaultWarmStarts } from "../src/bound/full-dag.ts";
import { namedCluster } from "../src/catalogue/clusters.ts";
import { findData, loadRealDag } from "../src/experiment/real-dag.ts";
import { policies } from "../src/policy/policies.ts";

export type DistanceTask = {
  /** Seeds. */
  readonly first: number;
  readonly last: number;
  readonly cluster: string;
  readonly plans: number;
  /** Of the workflow among those of all seeds. */
  readonly index: number;
};

export type DistanceReport = { readonly index: number; readonly distance: Distance };

export const perSeed = 16;
export const cpSatSeconds = 0.6;

const warmStarts = {
  fate: policies.fate,
  "greedy-finish-sharded+srw": policies["greedy-finish-sharded+srw"],
  ...defaultWarmStarts,
  peft: policies.peft,
};

parentPort?.on("message", (task: DistanceTask) => void answer(task));

async function answer({ first, cluster: name, plans, index }: DistanceTask): Promise<void> {
  const cluster = namedCluster(name);
  assert(cluster !== undefined);
  const seed = first + Math.floor(index / perSeed);
  const data = findData();
  const drawn = loadRealDag(
    { kind: "real-dag", count: perSeed, ...(data === undefined ? {} : { data }) },
    seed,
    cluster,
  );
  const workflow = drawn.workload.workflows[index % perSeed];
  assert(workflow !== undefined);
  const distance = await distanceOf({ ...workflow, id: `${seed}/${workflow.id}` }, drawn.models, cluster, {
    plans,
    cpSatSeconds,
    warmStarts,
    policies: { ...warmStarts, "round-robin": policies["round-robin"], foresight: policies.foresight },
    told: { "foresight, told": policies.foresight },
  });
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage({ index, distance } satisfies DistanceReport);
}
