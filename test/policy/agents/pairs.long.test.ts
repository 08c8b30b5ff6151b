/** Every policy for agents' workflows on every second pair cluster, the next one on the others: laws hold, and every workflow ends. */

import { expect, test } from "vitest";
import { batchingAs } from "../../../src/catalogue/batched-version.ts";
import { namedCluster } from "../../../src/catalogue/clusters.ts";
import { agentPolicies } from "../../../src/policy/agents/entries.ts";
import type { PolicyEntry } from "../../../src/policy/policy.ts";
import { generateWorkload } from "../../../src/trace/generate/generate-workload.ts";
import { run } from "../../support/build.ts";

const names = ["homo", "het1", "het2", "het3", "het3-kv", "qhom", "qhet", "both"] as const;

function generate(model: string) {
  return generateWorkload({ families: ["mixed"], count: 6, seed: 103, ratePerSecond: 40, error: 0.3, model });
}

const workloads = { llama: generate("llama-3.1-70b"), qwen: generate("qwen3-235b-a22b") };

const entries = Object.entries<PolicyEntry>(agentPolicies).map(
  ([name, policy], place) => [name, policy, place] as const,
);

test.for(entries)("%s", ([, policy, place]) => {
  for (const name of names.filter((_, index) => index % 2 === place % 2)) {
    const described = namedCluster(name);
    if (described === undefined) throw new Error(`no cluster ${name}`);
    const { workload, models } = name.startsWith("q") ? workloads.qwen : workloads.llama;
    const { events } = run({
      workflows: workload.workflows,
      models,
      cluster: batchingAs(described, policy.batching),
      policy,
    });
    expect(events.filter(({ kind }) => kind === "workflow-end")).toHaveLength(6);
  }
});
