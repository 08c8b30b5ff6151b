/**
 * How far policies are from the best there can be: `npm run bench -- bounds [SEEDS] [CLUSTER] [PLANS]`, seeds as `101-104`.
 * Every workflow from a cold cluster. Then, by size, what a bound and a plan take, and what CP-SAT proves of its relaxed model.
 */

import { strict as assert } from "node:assert";
import { boundsOf } from "../src/bound/bounds.ts";
import { distanceTable } from "../src/bound/distance.ts";
import { defaultWarmStarts, fullDagPlan } from "../src/bound/full-dag.ts";
import { namedCluster } from "../src/catalogue/clusters.ts";
import { findData, loadRealDag } from "../src/experiment/real-dag.ts";
import type { Interval } from "../src/measure/interval.ts";
import type { Cluster } from "../src/model/cluster.ts";
import { policies } from "../src/policy/policies.ts";
import { generateWorkload } from "../src/trace/generate/generate-workload.ts";

const perSeed = 16;
const sizes = [20, 40, 80, 160, 300];

export async function benchBounds(): Promise<void> {
  const [, seeds = "101-104", clusterName = "hetero-8", plans = "20000"] = process.argv.slice(2);
  const cluster = namedCluster(clusterName);
  assert(cluster !== undefined, `no cluster ${clusterName}`);
  await showDistances(seeds, cluster, Number(plans));
  await showSizes(cluster, Number(plans));
}

async function showDistances(seeds: string, cluster: Cluster, plans: number): Promise<void> {
  const data = findData();
  const [first = 101, last = first] = seeds.split("-").map(Number);
  const drawn = Array.from({ length: last - first + 1 }, (_, index) =>
    loadRealDag({ kind: "real-dag", count: perSeed, ...(data === undefined ? {} : { data }) }, first + index, cluster),
  );
  const models = [...new Map(drawn.flatMap((each) => each.models).map((model) => [model.id, model])).values()];
  const workflows = drawn.flatMap(({ workload }, index) =>
    workload.workflows.map((workflow) => ({ ...workflow, id: `${first + index}/${workflow.id}` })),
  );
  const compared = { ...defaultWarmStarts, "round-robin": policies["round-robin"], peft: policies.peft };
  const table = await distanceTable(workflows, models, cluster, {
    plans,
    policies: compared,
    onPlan: ({ workflow, lowerUs, plainLowerUs, latencyUs, source }) =>
      console.log(
        `${workflow}  bound ${seconds(lowerUs)} ${seconds(plainLowerUs)}  best ${seconds(latencyUs)} ${source}`,
      ),
  });
  console.log(`\n${workflows.length} workflows, ${data === undefined ? "generated" : "recorded"}, ${cluster.id}`);
  for (const { policy, toBound, toBest, unbeaten } of table.rows)
    console.log(`${policy.padEnd(24)} to bound ${range(toBound)}  to best ${range(toBest)}  unbeaten ${unbeaten}`);
  console.log(`best to bound ${range(table.bestToBound)}, without retaining ${range(table.bestToPlainBound)}`);
}

async function showSizes(cluster: Cluster, plans: number): Promise<void> {
  console.log("\nstages  bound ms  plan s  warm start s  plan s simulated  bound s  CP-SAT s wall  CP-SAT bound s");
  for (const size of sizes) {
    const tasks = { least: Math.round(size * 0.9), most: Math.round(size * 1.1) };
    const { workload, models } = generateWorkload({ families: ["wfcommons"], count: 1, seed: 101, tasks });
    const [workflow] = workload.workflows;
    if (workflow === undefined) continue;
    const boundMs = await clocked(() => boundsOf([workflow], models, cluster, { start: "cold" }));
    let found = await fullDagPlan(workflow, models, cluster, { plans: 1 });
    const planMs = await clocked(async () => (found = await fullDagPlan(workflow, models, cluster, { plans })));
    const proofMs = await clocked(
      async () =>
        (found = { ...(await fullDagPlan(workflow, models, cluster, { plans: 1, cpSatSeconds: 1 })), ...pick(found) }),
    );
    const warmUs = Math.min(...Object.values(found.warmStartsUs));
    const cells = [
      `${workflow.stages.length}`,
      boundMs.toFixed(0),
      (planMs / 1000).toFixed(1),
      seconds(warmUs),
      seconds(found.latencyUs),
      seconds(found.lowerUs),
      (proofMs / 1000).toFixed(1),
      `${seconds(found.modelBoundUs ?? 0)}${found.provenOptimalInModel === true ? " solved" : ""}`,
    ];
    console.log(cells.join("  "));
  }
}

function pick({ latencyUs, lowerUs }: { readonly latencyUs: number; readonly lowerUs: number }) {
  return { latencyUs, lowerUs };
}

async function clocked(run: () => unknown): Promise<number> {
  const startMs = performance.now();
  await run();
  return performance.now() - startMs;
}

function seconds(us: number): string {
  return (us / 1e6).toFixed(2);
}

function range({ mean, low, high }: Interval): string {
  return `${mean.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
}
