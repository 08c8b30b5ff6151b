/** What policies keep for another process: small, the same however often it is kept, and proof against whatever is handed in. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { namedCluster } from "../../src/catalogue/clusters.ts";
import type { Cluster } from "../../src/model/cluster.ts";
import type { Workflow } from "../../src/model/workflow.ts";
import { keepLearnt } from "../../src/policy/foresight/lasting.ts";
import { policies } from "../../src/policy/policies.ts";
import type { Plan, PolicyEntry, View } from "../../src/policy/policy.ts";
import { batched, cluster, dag, run } from "../support/build.ts";
import { plainCalibration } from "../support/plain-calibration.ts";
import { portionOf } from "../support/portion.ts";

const lasting = Object.entries<PolicyEntry>(policies).flatMap(([name, policy]) =>
  policy.lasting === undefined ? [] : [{ name, policy, keep: policy.lasting }],
);

const ofClasses = lasting.filter(({ name }) => name.startsWith("hexagent"));

test("only what learns from one workflow for the next keeps anything", () => {
  expect(ofClasses.map(({ name }) => name)).toEqual(["hexagent+history", "hexagent+beyond", "hexagent+beyond+roles"]);
  const others = lasting.filter((each) => !ofClasses.includes(each));
  expect(others.map(({ name }) => name)).toEqual(Object.keys(policies).filter((name) => name.startsWith("foresight")));
});

type Setting = { readonly on: Cluster; readonly model: string; readonly reveal: Workflow["reveal"] };

const apart = { on: namedCluster("het1")!, model: "llama-3.1-70b", reveal: "online" } as const;
const alone = { on: cluster("h100 h100"), model: "llama-3.1-8b", reveal: "static" } as const;
const sideBySide = {
  on: cluster("h100 h100", { batching: batched }),
  model: "llama-3.1-8b",
  reveal: "online",
} as const;

/** A run that begins with this memory, and all memories that it had. */
function memoriesOf(policy: PolicyEntry, before?: unknown, { on, model, reveal }: Setting = apart): unknown[] {
  const memories: unknown[] = [];
  const plan = (view: View): Plan => {
    const made = policy.plan(memories.length === 0 ? { ...view, memory: before } : view);
    memories.push(made.memory);
    return made;
  };
  const workflows = Array.from({ length: 12 }, (_, index) =>
    dag("plan -> act -> tell", () => ({ model }), { reveal, id: `w${index}`, arrivalUs: index * 2e6, class: "chat" }),
  );
  run({ cluster: on, workflows, policy: { ...policy, plan }, calibration: plainCalibration });
  return memories;
}

const number = fc.oneof(fc.double(), fc.constant(null), fc.string());

function checkKeeping(keep: (memory: unknown) => unknown, memory: fc.Arbitrary<unknown>): void {
  fc.assert(
    fc.property(memory, (given) => {
      const kept = keep(given);
      expect(keep(kept)).toEqual(kept);
      if (kept !== undefined) expect(keep(JSON.parse(JSON.stringify(kept)))).toEqual(kept);
    }),
    { numRuns: portionOf(200) },
  );
  expect(keep(undefined)).toBeUndefined();
}

describe.each(ofClasses)("$name", ({ policy, keep }) => {
  test("keeps what it learnt of classes, through JSON, and nothing that is open", () => {
    const kept = keep(memoriesOf(policy).at(-1));
    expect(kept).toMatchObject({ history: { classes: { chat: expect.any(Array) }, open: [], count: 0, seenUs: 0 } });
    const read: unknown = JSON.parse(JSON.stringify(kept));
    expect(read).toEqual(kept);
    expect(keep(read)).toEqual(kept);
  });

  test("goes on from it: no workflow of before counts for less", () => {
    const countOf = (memory: unknown): number =>
      (memory as { history: { classes: { chat: { count: number }[] } } }).history.classes.chat[0]?.count ?? 0;
    const kept = keep(memoriesOf(policy).at(-1));
    const after = keep(memoriesOf(policy, kept).at(-1));
    expect(countOf(after)).toBe(2 * countOf(kept));
  });

  test("takes nothing in that it could not have kept", () => {
    const step = fc.oneof(
      fc.constant(null),
      fc.record({ count: number, meanUs: number, squares: number }),
      fc.anything(),
    );
    const classes = fc.dictionary(fc.string(), fc.oneof(fc.array(step), fc.anything()));
    checkKeeping(
      keep,
      fc.oneof(fc.anything(), fc.record({ history: fc.oneof(fc.anything(), fc.record({ classes })) })),
    );
    expect(keep({ history: { classes: { chat: [{ count: "3", meanUs: 1, squares: 1 }] } } })).toBeUndefined();
  });

  test("keeps no more than so many classes, those of which most is known", () => {
    const steps = (count: number) => [{ count, meanUs: 1, squares: 0 }];
    const classes = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`c${index}`, steps(index)]));
    const kept = keep({ history: { classes } }) as { history: { classes: object } };
    expect(Object.keys(kept.history.classes)).toHaveLength(64);
    expect(kept.history.classes).toHaveProperty("c999");
    expect(kept.history.classes).not.toHaveProperty("c900");
  });
});

describe("foresight", () => {
  const { foresight } = policies;

  test.each<[string, Setting, object]>([
    ["one stage at a time", alone, { whole: { demand: { parts: { [alone.model]: 1 }, counted: [] } } }],
    [
      "calls one by one",
      sideBySide,
      {
        revealed: {
          history: {
            classes: { chat: 12 },
            after: { chat: { total: 12, over: 0 } },
            calls: { [sideBySide.model]: expect.any(Number) },
            open: {},
            arrivals: { count: 0 },
          },
        },
      },
    ],
    ["both phases apart", apart, { pairs: { history: { classes: { chat: expect.any(Array) }, open: [], count: 0 } } }],
  ])("keeps what workflows called, %s, and nothing that is open", (_where, setting, expected) => {
    const kept = keepLearnt(memoriesOf(foresight, undefined, setting).at(-1));
    expect(kept).toMatchObject(expected);
    expect(Object.keys(kept ?? {})).toEqual(Object.keys(expected));
    const read: unknown = JSON.parse(JSON.stringify(kept));
    expect(read).toEqual(kept);
    expect(keepLearnt(read)).toEqual(kept);
  });

  test("goes on from it: no workflow of before counts for less", () => {
    const kept = keepLearnt(memoriesOf(foresight, undefined, sideBySide).at(-1));
    const after = keepLearnt(memoriesOf(foresight, kept, sideBySide).at(-1));
    expect(after).toMatchObject({ revealed: { history: { classes: { chat: 24 }, after: { chat: { total: 24 } } } } });
  });

  const any = fc.anything();
  const orAny = <Value>(fit: fc.Arbitrary<Value>) => fc.oneof(fit, any);
  const names = fc.constantFrom("chat", `chat\n${sideBySide.model}`, "constructor", "__proto__", sideBySide.model);
  const numbers = fc.dictionary(names, orAny(fc.nat()));
  const followers = fc.record({
    total: orAny(fc.nat()),
    over: orAny(fc.nat()),
    next: orAny(numbers),
    gapsUs: orAny(fc.array(orAny(fc.nat()), { maxLength: 14 })),
  });
  const history = fc.record({
    classes: orAny(numbers),
    calls: orAny(numbers),
    after: orAny(fc.dictionary(names, orAny(followers))),
    sizes: orAny(fc.dictionary(names, orAny(fc.record({ promptTokens: number, outputTokens: number })))),
  });
  const memory = fc.record({
    whole: orAny(fc.record({ demand: orAny(fc.record({ parts: numbers })) })),
    revealed: orAny(fc.record({ history: orAny(history) })),
    pairs: orAny(fc.record({ history: any })),
  });

  test("takes nothing in that it could not have kept", () => {
    checkKeeping(keepLearnt, fc.oneof(any, memory));
  });

  test("plans with whatever it takes in", () => {
    fc.assert(
      fc.property(memory, fc.constantFrom<Setting>(alone, sideBySide, apart), (given, setting) => {
        expect(memoriesOf(foresight, keepLearnt(given), setting).length).toBeGreaterThan(0);
      }),
      { numRuns: portionOf(20) },
    );
  });

  test("keeps no more than so many classes, those of which most came", () => {
    const classes = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`c${index}`, index]));
    const after = Object.fromEntries(
      Object.keys(classes).map((name) => [`${name}\nm`, { total: 1, over: 1, next: {}, gapsUs: [] }]),
    );
    const kept = keepLearnt({ revealed: { history: { classes, after, sizes: {}, calls: {} } } });
    const { history: few } = (kept ?? {}).revealed as { history: { classes: object; after: object } };
    expect(Object.keys(few.classes)).toHaveLength(64);
    expect(few.classes).toHaveProperty("c999");
    expect(few.classes).not.toHaveProperty("c900");
    expect(Object.keys(few.after).toSorted()).toEqual(
      Object.keys(few.classes)
        .map((name) => `${name}\nm`)
        .toSorted(),
    );
  });
});
