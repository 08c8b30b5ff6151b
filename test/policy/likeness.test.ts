/** However many calls wait that may go to one engine alone, they do not hide who may go to another. */

import { describe, expect, test } from "vitest";
import type { Workflow } from "../../src/model/workflow.ts";
import { policies } from "../../src/policy/policies.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { withHardestWait } from "../../src/policy/with-hardest-wait.ts";
import { batched, cluster, exclusive, llm } from "../support/build.ts";
import { lookOnce } from "../support/look-once.ts";

function pinned(id: string, engine: string): Workflow {
  return { id, arrivalUs: 0, reveal: "online", stages: [llm("a", { allow: { engines: [engine] } })] };
}

/** More calls for `engine-0` than any policy looks at, and one behind them that has `engine-1` to itself. */
const workflows = [
  ...Array.from({ length: 150 }, (_, index) => pinned(`stuck-${index}`, "engine-0")),
  pinned("other", "engine-1"),
];

describe.for([
  "greedy-finish",
  "collated-fifo",
  "min-min",
  "one-hop@projected",
  "hexagent",
  "fate",
  "fate+keep",
  "foresight",
] as const)("%s", (name) => {
  test.for([
    ["batched", { ...batched, maxSequences: 2 }],
    ["exclusive", exclusive],
  ] as const)("an idle engine takes up who may go there, %s", ([, batching]) => {
    const machines = cluster("h100 h100", { resident: ["llama-3.1-8b"], batching });
    const { plan } = policies[name];
    const placed = (policy: Policy) =>
      lookOnce({ workflows, cluster: machines }, (view) =>
        policy(view).decisions.flatMap((decision) => (decision.kind === "place" ? [decision.stage] : [])),
      );
    expect(placed(plan)).toContain("other/a");
    expect(placed(withHardestWait(plan, 5_000_000))).toContain("other/a");
  });
});
