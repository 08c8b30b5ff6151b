/** What a suffix changes about a policy, on graphs small enough to know the answer. */

import { describe, expect, test } from "vitest";
import type { PolicyName } from "../../src/experiment/cell.ts";
import { policies } from "../../src/policy/policies.ts";
import { suffixOf } from "../../src/policy/suffix.ts";
import { batched, cluster, dag, llm } from "../support/build.ts";
import { enginesOf, makespanUs } from "../support/placements.ts";
import { runPlain } from "../support/run-plain.ts";

const resident = ["llama-3.1-8b"];
const names = Object.keys(policies) as readonly PolicyName[];

/** About half a second of prefill, which shards divide, and as much of decode, which they do not. */
const divisible = () => ({
  items: 8,
  prompt: [{ kind: "own" as const, tokens: 16_000 }],
  output: { estimate: 800, actual: 800, limit: 1600 },
});
const pair = cluster("h100 h100", { resident, host: "host" });

test("a name has the suffix that its policy's variant is listed under, or none", () => {
  expect(suffixOf("heft+shards")).toBe("+shards");
  expect(suffixOf("atlas@least-loaded")).toBe("@least-loaded");
  expect(suffixOf("greedy-finish-sharded")).toBeUndefined();
  expect(new Set(names.map(suffixOf)).size).toBe(18);
});

describe("+shards", () => {
  const sharded = names.filter((name) => suffixOf(name) === "+shards");

  test.for(sharded)(
    "%s splits items over two engines of a host where that ends earlier, the plain policy does not",
    (name) => {
      const options = { workflows: [dag("a", divisible)], cluster: pair };
      const plain = runPlain({ policy: name.replace("+shards", "") as PolicyName, ...options });
      const split = runPlain({ policy: name, ...options });
      expect(enginesOf(plain)).toEqual({ a: [0] });
      expect(enginesOf(split)).toEqual({ a: [0, 1] });
      const shares = split.events.flatMap((event) => (event.kind === "stage-place" ? event.shares : []));
      expect(shares.map(({ items }) => items)).toEqual([4, 4]);
      expect(makespanUs(split)).toBeLessThan(makespanUs(plain));
    },
  );

  test.for(sharded)("%s splits nothing over hosts, and nothing of one item", (name) => {
    const apart = cluster("h100 h100", { resident });
    expect(enginesOf(runPlain({ policy: name, workflows: [dag("a", divisible)], cluster: apart }))).toEqual({ a: [0] });
    const one = () => ({ ...divisible(), items: 1 });
    expect(enginesOf(runPlain({ policy: name, workflows: [dag("a", one)], cluster: pair }))).toEqual({ a: [0] });
  });

  test("an engine that the same plan sends another stage to takes no share", () => {
    const three = cluster("h100 h100 h100", { resident, host: "host" });
    for (const policy of ["round-robin+shards", "least-loaded+shards", "heft+shards"] as const) {
      const placed = (machines: typeof pair) =>
        enginesOf(runPlain({ policy, workflows: [dag("a, b", divisible)], cluster: machines }));
      expect({ policy, ...placed(pair) }).toEqual({ policy, a: [0], b: [1] });
      expect({ policy, ...placed(three) }).toEqual({ policy, a: [0, 2], b: [1] });
    }
  });

  test("a split begins on the engine that the policy chose", () => {
    const three = cluster("l40s h100 h100", { resident, host: "host" });
    const placed = (policy: PolicyName) =>
      enginesOf(runPlain({ policy, workflows: [dag("a", divisible)], cluster: three }));
    expect(placed("round-robin+shards")["a"]?.[0]).toBe(0);
    expect(placed("heft+shards")).toEqual({ a: [1, 2] });
  });

  test("a split brings no second copy of a model up where the policy would not", () => {
    const half = {
      ...pair,
      engines: pair.engines.map((engine, index) => (index === 0 ? engine : { ...engine, resident: [] })),
    };
    const large = () => ({ ...divisible(), prompt: [{ kind: "own" as const, tokens: 400_000 }], items: 64 });
    const placed = (policy: PolicyName) => enginesOf(runPlain({ policy, workflows: [dag("a", large)], cluster: half }));
    expect(placed("round-robin+shards")).toEqual({ a: [0, 1] });
    for (const policy of ["model-affinity+shards", "prefix-affinity+shards"] as const)
      expect({ policy, ...placed(policy) }).toEqual({ policy, a: [0] });
  });

  test("helix shares a stage out among the engines of its model only", () => {
    const models = { a: "llama-3.1-8b", b: "phi-4-14.7b" };
    const flow = dag("a -> b", (id) => ({ ...divisible(), model: models[id as "a" | "b"] }));
    const journal = runPlain({ policy: "helix+shards", workflows: [flow], cluster: pair });
    expect(Object.values(enginesOf(journal)).map((engines) => engines.length)).toEqual([1, 1]);
  });

  test("a session's split has its home in it", () => {
    const machines = cluster("h100 l40s h100", { resident, host: "host", batching: batched });
    const flow = dag("a -> b", (id) => (id === "b" ? divisible() : {}));
    const placed = enginesOf(runPlain({ policy: "session-affinity+shards", workflows: [flow], cluster: machines }));
    expect(placed).toEqual({ a: [0], b: [0, 2] });
  });
});

describe("plas and atlas, placed otherwise", () => {
  const after = (...stages: readonly string[]) => ({ parents: stages.map((stage) => ({ stage, bytes: 4000 })) });
  const first = {
    id: "w",
    arrivalUs: 0,
    reveal: "static" as const,
    stages: [llm("a"), llm("b"), llm("c", after("a", "b"))],
  };
  const workflows = [first, { ...dag("d -> e"), id: "x", arrivalUs: 1 }, { ...dag("f"), id: "y", arrivalUs: 2 }];

  const starts = (policy: PolicyName) =>
    runPlain({ policy, workflows, cluster: cluster("h100", { resident }) }).events.flatMap((event) =>
      event.kind === "share-start" ? [event.stage] : [],
    );

  test("the order stays; what is held is ordered by the service of the moment", () => {
    for (const order of ["plas", "atlas"] as const)
      for (const placement of ["least-loaded", "round-robin"] as const)
        expect(starts(`${order}@${placement}`)).toEqual(starts(order));
    expect(starts("atlas@projected")).toEqual(starts("atlas"));
    // Once `w/a` has ended, its workflow has had more service than the others, and `w/b` goes behind them.
    expect(starts("plas@projected")).toEqual(["w/a", "x/d", "y/f", "w/b", "x/e", "w/c"]);
  });

  test("long calls leave home where the placement says so", () => {
    const flow = dag("a -> b, c", (id) => (id === "a" ? {} : { prompt: [{ kind: "own", tokens: 30_000 }] }));
    const placed = (policy: PolicyName) =>
      enginesOf(runPlain({ policy, workflows: [flow], cluster: cluster("h100 h100", { resident }) }));
    for (const order of ["plas", "atlas"] as const) {
      expect(placed(order)).toEqual({ a: [0], b: [0], c: [0] });
      expect(placed(`${order}@projected`)).toEqual({ a: [0], b: [0], c: [1] });
      expect(placed(`${order}@least-loaded`)).toEqual({ a: [0], b: [0], c: [1] });
      expect(placed(`${order}@round-robin`)).toEqual({ a: [0], b: [1], c: [0] });
    }
  });

  test("the projected end knows which engine holds the model, the others do not", () => {
    const cold = cluster("h100 h100");
    const half = {
      ...cold,
      engines: cold.engines.map((engine, index) => (index === 1 ? { ...engine, resident } : engine)),
    };
    const placed = (policy: PolicyName) => enginesOf(runPlain({ policy, workflows: [dag("a")], cluster: half }));
    expect(placed("atlas@projected")).toEqual({ a: [1] });
    expect(placed("atlas@least-loaded")).toEqual({ a: [0] });
  });
});

describe("+prefetch", () => {
  const modelOf = { l: "llama-3.1-8b", p: "phi-4-14.7b", q: "qwen2.5-32b" };
  const byName = (id: string) => ({ model: modelOf[id.slice(0, 1) as keyof typeof modelOf] });
  const prefetched = (policy: PolicyName, drawing: string) =>
    runPlain({ policy, workflows: [dag(drawing, byName)], cluster: cluster("h100 h100") }).events.flatMap((event) =>
      event.kind === "model-load-start" && event.cause === "prefetch" ? [event.model] : [],
    );

  test("the model of the next step is loaded on an idle engine while its parent runs", () => {
    expect(prefetched("greedy-finish-sharded+prefetch", "l -> p")).toEqual(["phi-4-14.7b"]);
    expect(prefetched("greedy-finish-sharded", "l -> p")).toEqual([]);
  });

  test("the model that the next step needs most comes first, not the one revealed first", () => {
    expect(prefetched("greedy-finish-sharded+prefetch", "l -> p, q1, q2")).toEqual(["qwen2.5-32b"]);
    expect(prefetched("kvflow", "l -> p, q1, q2")).toEqual(["phi-4-14.7b"]);
  });
});

describe("+srw", () => {
  const one = cluster("h100", { resident });
  const starts = (policy: PolicyName, workflows: Parameters<typeof runPlain>[0]["workflows"]) =>
    runPlain({ policy, workflows, cluster: one }).events.flatMap((event) =>
      event.kind === "share-start" ? [event.stage] : [],
    );
  const long = { ...dag("a -> b -> c, d"), id: "long" };
  const short = { ...dag("e -> f"), id: "short", arrivalUs: 1 };

  test("the workflow with the least remaining work goes first, whoever came first", () => {
    const workflows = [long, short];
    const srw = starts("greedy-finish-sharded+srw", workflows);
    expect(srw.slice(0, 3)).toEqual(["long/a", "short/e", "short/f"]);
    expect(starts("greedy-finish-sharded", workflows).slice(0, 3)).toEqual(["long/a", "long/b", "long/c"]);
  });

  test("a workflow that is nearly done goes before a shorter one that has just come", () => {
    const late = { ...short, arrivalUs: 1_200_000 };
    const nearly = { ...dag("a -> b -> c -> d"), id: "long" };
    const order = starts("greedy-finish-sharded+srw", [nearly, late]);
    expect(order.indexOf("long/d")).toBeLessThan(order.indexOf("short/e"));
  });

  test("inside a workflow the highest upward rank goes first", () => {
    const stages = [llm("leaf"), llm("root"), llm("behind", { parents: [{ stage: "root", bytes: 4000 }] })];
    const flow = { id: "w", arrivalUs: 0, reveal: "static" as const, stages };
    expect(starts("greedy-finish-sharded+srw", [flow])[0]).toBe("w/root");
  });
});
