/** However many calls wait that may go to one engine alone, they do not hide who may go to another. */

import { describe, expect, test } from "vitest";
import type { Cluster, Engine } from "../../src/model/cluster.ts";
import type { Workflow } from "../../src/model/workflow.ts";
import { policies } from "../../src/policy/policies.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { withHardestWait } from "../../src/policy/with-hardest-wait.ts";
import { batched, cluster, exclusive, llm, run } from "../support/build.ts";
import { lookOnce } from "../support/look-once.ts";

const small = "llama-3.1-8b";
const middle = "phi-4-14.7b";

function call(id: string, change: Parameters<typeof llm>[1]): Workflow {
  return { id, arrivalUs: 0, reveal: "online", stages: [llm("a", change)] };
}

/** More calls than any policy looks at, all alike, and another one behind them. */
function behind(stuck: Parameters<typeof llm>[1], other: Parameters<typeof llm>[1]): readonly Workflow[] {
  return [...Array.from({ length: 400 }, (_, index) => call(`stuck-${index}`, stuck)), call("other", other)];
}

/** Two engines, the first and the second with these changes. */
function two(batching: Engine["batching"], first: Partial<Engine>, second: Partial<Engine>): Cluster {
  const machines = cluster("h100 h100", { resident: [small], batching });
  const engines = machines.engines.map((engine, index) => ({ ...engine, ...(index === 0 ? first : second) }));
  return { ...machines, engines };
}

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
    const { plan } = policies[name];
    const expectPlaced = (workflows: readonly Workflow[], machines: Cluster): void => {
      const placed = (policy: Policy) =>
        lookOnce({ workflows, cluster: machines }, (view) =>
          policy(view).decisions.flatMap((decision) => (decision.kind === "place" ? [decision.stage] : [])),
        );
      expect(placed(plan)).toContain("other/a");
      expect(placed(withHardestWait(plan, 5_000_000))).toContain("other/a");
    };
    const at = (engine: string) => ({ allow: { engines: [engine] } });
    expectPlaced(behind(at("engine-0"), at("engine-1")), two(batching, {}, {}));
    const ofMiddle = { models: [middle], resident: [middle] };
    // Beyond its frontier `fate` looks at stages of whatever model, in order.
    if (!name.startsWith("fate"))
      expectPlaced(behind({}, { model: middle }), two(batching, { models: [small] }, ofMiddle));
  });

  test("one that only embeds is not hidden by calls that nobody can decode", () => {
    const ofMiddle = { models: [middle], resident: [middle] };
    const machines = two(batched, { role: "prefill", resident: [middle] }, { ...ofMiddle, role: "decode" });
    const prompt = [{ kind: "own", tokens: 20_000 }] as const;
    const embed = { kind: "embed", prompt, output: { estimate: 0, actual: 0, limit: 0 } } as const;
    const workflows = behind({}, embed).map((flow) => (flow.id === "other" ? { ...flow, arrivalUs: 1_000_000 } : flow));
    const { events } = run({ workflows, cluster: machines, policy: name });
    expect(events.flatMap((event) => (event.kind === "workflow-end" ? [event.workflow] : []))).toEqual(["other"]);
  });
});
