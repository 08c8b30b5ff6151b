/** Engines that run their models side by side, to policies that plan one engine for each, which share their places. */

import { expect, test } from "vitest";
import type { Batching, Cluster } from "../../src/model/cluster.ts";
import type { JournalEvent } from "../../src/model/event.ts";
import type { Workflow } from "../../src/model/workflow.ts";
import { policies } from "../../src/policy/policies.ts";
import { createRng } from "../../src/random/rng.ts";
import { batched, cluster, dag, firstUs, run } from "../support/build.ts";

const { foresight } = policies;
const small = "llama-3.1-8b";
const middle = "phi-4-14.7b";
const both = [small, middle];
/** Enough that nothing is preempted. */
const kvBytes = 20e9;

/** Engines on one host: those of the first list hold both models side by side, those of the second one of them for good. */
function machines(apis: readonly Partial<Batching>[], own: readonly string[]): Cluster {
  const plain = cluster(Array.from({ length: apis.length + own.length }, () => "h200").join(" "), {
    host: "host-0",
    batching: batched,
    kvBytes,
  });
  const engines = plain.engines.map((engine, index) => {
    const api = apis[index];
    if (api === undefined)
      return { ...engine, models: [own[index - apis.length]!], resident: [own[index - apis.length]!] };
    const batching = { ...batched, ...api, mixesModels: true } as Batching;
    return { ...engine, batching, models: both, resident: both, maxResident: 2 };
  });
  return { ...plain, engines };
}

function flows(seed: number, reveal: Workflow["reveal"], count = 6): readonly Workflow[] {
  const rng = createRng(seed, "flows");
  return Array.from({ length: count }, (_, index) =>
    dag(
      "a -> b, c, d -> e",
      () => {
        const tokens = 50 + rng.below(300);
        return {
          model: both[rng.below(2)]!,
          prompt: [{ kind: "own", tokens: 500 + rng.below(3000) }],
          output: { estimate: tokens, actual: 50 + rng.below(300), limit: 400 },
        };
      },
      { id: `w${index}`, arrivalUs: index * 400_000, reveal },
    ),
  );
}

const endsOf = (events: readonly JournalEvent[]): readonly (readonly [string, number])[] =>
  events
    .flatMap((event) => (event.kind === "stage-end" ? [[event.stage, event.atUs] as const] : []))
    .toSorted(([one], [other]) => (one < other ? -1 : 1));

test.for([
  ["foresight", "static"],
  ["foresight", "online"],
  ["hexagent", "online"],
  ["workflow-llf@projected", "online"],
] as const)(
  "with places enough, an engine that runs two models side by side is two engines (%s, %s)",
  ([name, reveal]) => {
    const policy = policies[name];
    for (let seed = 1; seed <= 2; seed++) {
      const workflows = flows(seed, reveal);
      const mixing = run({ policy, workflows, cluster: machines([{ maxSequences: 100 }], []) });
      const apart = machines([], both);
      const engines = apart.engines.map((engine) => ({ ...engine, batching: { ...batched, maxSequences: 100 } }));
      const two = run({ policy, workflows, cluster: { ...apart, engines } });
      expect(endsOf(mixing.events)).toEqual(endsOf(two.events));
    }
  },
);

test.for<Workflow["reveal"]>(["static", "online"])(
  "nothing is given to it for which it has no place (%s)",
  (reveal) => {
    for (let seed = 1; seed <= 2; seed++) {
      const mixing = machines([{ maxSequences: 3 }], both);
      const { events } = run({ policy: foresight, workflows: flows(seed, reveal, 10), cluster: mixing });
      let taken = 0;
      let most = 0;
      for (const event of events) {
        if (event.kind === "stage-place" && event.shares[0]?.engine === "engine-0") taken += 1;
        if (event.kind === "share-end" && event.engine === "engine-0") taken -= 1;
        most = Math.max(most, taken);
      }
      expect(most).toBe(3);
    }
  },
);

test.for<Workflow["reveal"]>(["static", "online"])(
  "calls for which the others of another model have left no place go to an engine of their own (%s)",
  (reveal) => {
    const one = (id: string, model: string, arrivalUs: number): Workflow =>
      dag("a", () => ({ model, output: { estimate: 400, actual: 400, limit: 400 } }), { id, arrivalUs, reveal });
    const crowd = Array.from({ length: 8 }, (_, index) => one(`crowd-${index}`, middle, 0));
    const { events } = run({
      policy: foresight,
      workflows: [...crowd, one("late", small, 1_000_000)],
      cluster: machines([{ maxSequences: 8 }], [small]),
    });
    const place = events.find((event) => event.kind === "stage-place" && event.stage === "late/a");
    expect(place).toMatchObject({ atUs: 1_000_000, shares: [{ engine: "engine-1" }] });
  },
);

test.for(["hexagent", "foresight"] as const)(
  "beside engines that prefill and decode apart it takes calls of all its models at once (%s)",
  (name) => {
    const apart = cluster("h200 h200 h200", { host: "host-0", batching: batched, kvBytes });
    const engines = apart.engines.map((engine, index) => {
      const own = { ...engine, models: both, resident: both, maxResident: 2 };
      if (index < 2) return { ...own, role: (["prefill", "decode"] as const)[index]!, resident: [] };
      return { ...own, batching: { ...batched, mixesModels: true } };
    });
    const workflows = both.map((model) => dag("a", () => ({ model }), { id: model, reveal: "online" }));
    const journal = run({ policy: policies[name], workflows, cluster: { ...apart, engines } });
    for (const model of both) expect(firstUs(journal, "share-start", `${model}/a`)).toBe(0);
  },
);

test("stages that name it, or avoid it, mean the whole of it", () => {
  const workflows = both.map((model, index) =>
    dag("a", () => ({ model, allow: index === 0 ? { engines: ["engine-0"] } : { avoid: ["engine-0"] } }), {
      id: model,
    }),
  );
  const journal = run({ policy: foresight, workflows, cluster: machines([{}], [...both, ...both]) });
  const engineOf = (stage: string): string | undefined =>
    journal.events.flatMap((event) => (event.kind === "stage-place" && event.stage === stage ? event.shares : []))[0]
      ?.engine;
  expect(engineOf(`${small}/a`)).toBe("engine-0");
  expect(engineOf(`${middle}/a`)).not.toBe("engine-0");
  expect(firstUs(journal, "share-start", `${small}/a`)).toBe(0);
});
