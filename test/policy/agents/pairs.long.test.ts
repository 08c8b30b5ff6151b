/** Every policy for agents' workflows on every pair cluster: laws hold, and every workflow ends. */

import { expect, test } from "vitest";
import { batchingAs } from "../../../src/catalogue/batched-version.ts";
import { namedCluster } from "../../../src/catalogue/clusters.ts";
import { agentPolicies } from "../../../src/policy/agents/entries.ts";
import type { PolicyEntry } from "../../../src/policy/policy.ts";
import { generateWorkload } from "../../../src/trace/generate/generate-workload.ts";
import { run } from "../../support/build.ts";

const names = ["homo", "het1", "het2", "het3", "het3-kv", "qhom", "qhet", "both"] as const;

test.for(Object.entries<PolicyEntry>(agentPolicies))("%s", ([, policy]) => {
  for (const name of names) {
    const described = namedCluster(name);
    if (described === undefined) throw new Error(`no cluster ${name}`);
    const model = name.startsWith("q") ? "qwen3-235b-a22b" : "llama-3.1-70b";
    const { workload, models } = generateWorkload({
      families: ["mixed"],
      count: 6,
      seed: 103,
      ratePerSecond: 40,
      error: 0.3,
      model,
    });
    const { events } = run({
      workflows: workload.workflows,
      models,
      cluster: batchingAs(described, policy.batching),
      policy,
    });
    expect(events.filter(({ kind }) => kind === "workflow-end")).toHaveLength(6);
  }
});
