/** The thread that finds bounds for a workload of benchmark A, or runs `foresight` on it, as it is or told the truth. */

import { strict as assert } from "node:assert";
import { parentPort } from "node:worker_threads";
import { boundMeanLatency } from "../src/bound/mean-latency.ts";
import { tellTruth } from "../src/bound/tell-truth.ts";
import { namedCluster } from "../src/catalogue/clusters.ts";
import { findData, loadRealDag } from "../src/experiment/real-dag.ts";
import { policies } from "../src/policy/policies.ts";
import { simulate } from "../src/sim/simulate.ts";

export type YardstickTask = {
  readonly cluster: string;
  /** One workflow after another if absent. */
  readonly load?: number;
  readonly seed: number;
  readonly kind: "bound" | "foresight" | "told";
};

/** Mean latencies. `aloneUs` and `togetherUs` are bounds, `tookUs` is a run's. */
export type Yardstick = { readonly aloneUs: number; readonly togetherUs: number } | { readonly tookUs: number };

export type YardstickReport = { readonly task: YardstickTask; readonly found: Yardstick };

parentPort?.on("message", (task: YardstickTask) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage({ task, found: measure(task) } satisfies YardstickReport);
});

function measure({ cluster: name, load, seed, kind }: YardstickTask): Yardstick {
  const cluster = namedCluster(name);
  assert(cluster !== undefined, `no cluster ${name}`);
  const data = findData();
  const source = { kind: "real-dag", ...(data === undefined ? {} : { data }) } as const;
  const { workload, models } = loadRealDag(
    load === undefined ? { ...source, count: 16 } : { ...source, count: 20, load },
    seed,
    cluster,
  );
  const { workflows, oneAtATime = false } = workload;
  if (kind === "bound") {
    const { aloneUs, togetherUs } = boundMeanLatency(workflows, models, cluster);
    // Those that come one after another do not wait for each other, and their arrivals are not known before.
    return { aloneUs, togetherUs: oneAtATime ? aloneUs : togetherUs };
  }
  const arrived = new Map<string, number>();
  let sumUs = 0;
  simulate({
    workflows: kind === "told" ? workflows.map(tellTruth) : workflows,
    oneAtATime,
    models,
    cluster,
    policy: policies.foresight,
    seed,
    onEvent: (event) => {
      if (event.kind === "workflow-arrive") arrived.set(event.workflow, event.atUs);
      if (event.kind === "workflow-end") sumUs += event.atUs - (arrived.get(event.workflow) ?? 0);
    },
  });
  return { tookUs: sumUs / workflows.length };
}
