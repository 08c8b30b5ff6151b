/** What policies keep for another process: small, the same however often it is kept, and proof against whatever is handed in. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { policies } from "../../src/policy/policies.ts";
import type { Plan, PolicyEntry, View } from "../../src/policy/policy.ts";
import { cluster, dag, run } from "../support/build.ts";
import { plainCalibration } from "../support/plain-calibration.ts";

const lasting = Object.entries<PolicyEntry>(policies).flatMap(([name, policy]) =>
  policy.lasting === undefined ? [] : [{ name, policy, keep: policy.lasting }],
);

test("only what learns from one workflow for the next keeps anything", () => {
  expect(lasting.map(({ name }) => name)).toEqual(["hexagent+history", "hexagent+beyond", "hexagent+beyond+roles"]);
});

const flows = Array.from({ length: 12 }, (_, index) =>
  dag("plan -> act -> tell", () => ({}), { reveal: "online", id: `w${index}`, arrivalUs: index * 2e6, class: "chat" }),
);

/** A run that begins with this memory, and all memories that it had. */
function memoriesOf(policy: PolicyEntry, before?: unknown): unknown[] {
  const memories: unknown[] = [];
  const plan = (view: View): Plan => {
    const made = policy.plan(memories.length === 0 ? { ...view, memory: before } : view);
    memories.push(made.memory);
    return made;
  };
  run({ cluster: cluster("h100 h100"), workflows: flows, policy: { ...policy, plan }, calibration: plainCalibration });
  return memories;
}

describe.each(lasting)("$name", ({ policy, keep }) => {
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
    const number = fc.oneof(fc.double(), fc.constant(null), fc.string());
    const step = fc.oneof(
      fc.constant(null),
      fc.record({ count: number, meanUs: number, squares: number }),
      fc.anything(),
    );
    const classes = fc.dictionary(fc.string(), fc.oneof(fc.array(step), fc.anything()));
    const memory = fc.oneof(fc.anything(), fc.record({ history: fc.oneof(fc.anything(), fc.record({ classes })) }));
    fc.assert(
      fc.property(memory, (given) => {
        const kept = keep(given);
        expect(keep(kept)).toEqual(kept);
        if (kept !== undefined) expect(keep(JSON.parse(JSON.stringify(kept)))).toEqual(kept);
      }),
      { numRuns: 200 },
    );
    expect(keep(undefined)).toBeUndefined();
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
