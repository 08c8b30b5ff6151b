import { expect, test } from "vitest";
import type { Engine } from "../../src/model/cluster.ts";
import { canBegin, createPicture, toCandidate, waitForUs } from "../../src/policy/picture.ts";
import type { PolicyEntry } from "../../src/policy/policy.ts";
import { batched, cluster, dag, firstUs, run } from "../support/build.ts";

test("the projected end on an idle batched engine or pair is when the stage ends there", () => {
  const two = cluster("h100 h100", { batching: batched });
  const [first, second] = two.engines;
  const pair = {
    ...two,
    engines: [
      { ...first!, role: "prefill" as const },
      { ...second!, role: "decode" as const },
    ],
  };
  const short = dag("a", () => ({ prompt: [{ kind: "own", tokens: 2000 }] }));
  for (const machines of [two, pair]) {
    const resident = {
      ...machines,
      engines: machines.engines.map((engine) => ({ ...engine, resident: ["llama-3.1-8b"] })),
    };
    const expected: number[] = [];
    const journal = run({
      cluster: resident,
      workflows: [short],
      policy: {
        summary: "asks when it would end",
        plan: (view) => {
          const [stage] = view.ready;
          const decodeEngine = machines === pair ? view.cluster.at(1) : undefined;
          expected.push(toCandidate(createPicture(view), stage!, view.cluster.at(0), decodeEngine).endUs);
          const shares = [{ engine: "engine-0", items: 1 }];
          const handOver = decodeEngine === undefined ? {} : { decodeEngine: "engine-1" };
          return { decisions: [{ kind: "place", stage: stage!.key, shares, rank: 0, ...handOver }] };
        },
      },
    });
    expect(firstUs(journal, "stage-end", "w/a")).toBe(expected[0]);
  }
});

test("where models are mixed, a stage is expected to run beside other models as if alone", () => {
  const { journal, asked } = besideLarge({}, "llama-3.1-8b");
  expect(asked).toMatchObject({ begins: true, waitUs: 0 });
  expect(firstUs(journal, "stage-end", "second/a")).toBe(asked.endUs);
});

test("where models are mixed, a stage waits for KV memory of its own model, and not for that of others", () => {
  const tight = { kvBytes: 1500 * 204_800 };
  expect(besideLarge(tight, "llama-3.1-8b").asked.begins).toBe(true);
  expect(besideLarge(tight, "phi-4-14.7b").asked.begins).toBe(false);
  expect(besideLarge({}, "phi-4-14.7b").asked.begins).toBe(true);
});

test("where models are mixed, a stage that needs a load waits until nothing runs", () => {
  const { journal, asked } = besideLarge({}, "embed-1.2b");
  expect(asked.begins).toBe(false);
  expect(asked.waitUs).toBeGreaterThan(0);
  expect(firstUs(journal, "share-start", "second/a")).toBeGreaterThan(firstUs(journal, "share-end", "first/a"));
});

/** What is expected of a stage that comes while one of a large model decodes. */
function besideLarge(change: Partial<Engine>, model: string) {
  const mixing = { ...batched, mixesModels: true } as Engine["batching"];
  const resident = ["llama-3.1-8b", "phi-4-14.7b"];
  let asked = { begins: false, waitUs: 0, endUs: 0 };
  const policy: PolicyEntry = {
    summary: "asks what is to be expected",
    plan: (view) => ({
      decisions: view.ready.map((stage) => {
        const picture = createPicture(view);
        const engine = picture.cluster.at(0);
        const endUs = toCandidate(picture, stage, engine).endUs;
        asked = { begins: canBegin(stage, engine), waitUs: waitForUs(picture, stage, engine), endUs };
        return { kind: "place", stage: stage.key, shares: [{ engine: engine.id, items: 1 }], rank: 0 };
      }),
    }),
  };
  const journal = run({
    cluster: cluster("h200", { batching: mixing, resident, maxResident: 2, kvBytes: 4e9, ...change }),
    policy,
    workflows: [
      dag("a", () => ({ model: "phi-4-14.7b" }), { id: "first" }),
      dag("a", () => ({ model }), { id: "second", arrivalUs: 400_000 }),
    ],
  });
  return { journal, asked };
}
