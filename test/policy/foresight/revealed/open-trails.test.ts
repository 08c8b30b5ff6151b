/** What is known of open workflows: the same as a plain list of them, at a price that does not grow with how many there are. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { learnOf, noHistory, type History } from "../../../../src/policy/foresight/revealed/history.ts";
import {
  trailOf,
  TrailsDraft,
  type OpenTrail,
  type OpenTrails,
} from "../../../../src/policy/foresight/revealed/open-trails.ts";
import type { View } from "../../../../src/policy/policy.ts";
import type { OpenWorkflow } from "../../../../src/state/workflow-state.ts";

const trailAt = (endUs: number): OpenTrail => ({ class: "", stages: 1, ordinal: 0, going: [], endUs });

const id = fc.oneof(fc.constantFrom("__proto__", "constructor", "w", ""), fc.string({ maxLength: 12 }));
const step = fc.oneof(
  fc.record({ kind: fc.constant("set" as const), id, endUs: fc.nat() }),
  fc.record({
    kind: fc.constantFrom("sweep" as const, "sweepSome" as const),
    id,
    open: fc.array(id, { maxLength: 8 }),
  }),
);

test("trails are kept, changed and let go as in a plain map, and through JSON, whatever the ids", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const plain = new Map<string, OpenTrail>();
      let trails: OpenTrails = {};
      for (const each of steps) {
        const before = JSON.stringify(trails);
        const draft = new TrailsDraft(trails);
        if (each.kind === "set") {
          plain.set(each.id, trailAt(each.endUs));
          draft.set(each.id, trailAt(each.endUs));
        } else {
          // There are so few that all are looked at.
          const open = new Set(each.open);
          const over = each.kind === "sweep" ? draft.sweep(open) : draft.sweepSome(each.id, open);
          const gone = [...plain].filter(([known]) => !open.has(known));
          expect(over).toHaveLength(gone.length);
          expect(new Set(over.map(({ endUs }) => endUs))).toEqual(new Set(gone.map(([, { endUs }]) => endUs)));
          for (const [known] of gone) plain.delete(known);
        }
        const after = draft.finish();
        expect(JSON.stringify(trails)).toBe(before);
        trails = JSON.parse(JSON.stringify(after)) as OpenTrails;
        for (const [known, trail] of plain) expect(trailOf(trails, known)).toEqual(trail);
        expect(Object.values(trails).flatMap((bucket) => Object.keys(bucket))).toHaveLength(plain.size);
      }
    }),
  );
});

function workflowOf(name: string): OpenWorkflow {
  const stage = { kind: "llm", model: "m", ordinal: 0, key: `${name}/0`, promptTokens: 10, items: 1, outputTokens: 10 };
  const stages = new Map([[stage.key, { stage, status: "ended", readyUs: 0, endedUs: 5 }]]);
  return { id: name, class: "chain", arriveUs: 0, reveal: "online", stages } as unknown as OpenWorkflow;
}

/** A call of a new workflow after another, each alone, while at most so many are open. */
function callsAlone(
  count: number,
  mostOpen: number,
): { readonly history: History; readonly copied: readonly number[] } {
  let history = noHistory;
  const open = new Map<string, OpenWorkflow>();
  const copied: number[] = [];
  for (let index = 0; index < count; index++) {
    const workflow = workflowOf(`w${index}`);
    open.set(workflow.id, workflow);
    if (open.size > mostOpen) open.delete(`w${index - mostOpen}`);
    const next = learnOf({ nowUs: index, workflows: { open } } as unknown as View, history, workflow);
    const buckets = Object.entries(next.open).filter(([bucket, own]) => history.open[Number(bucket)] !== own);
    copied.push(buckets.flatMap(([, own]) => Object.keys(own)).length);
    history = next;
  }
  return { history, copied };
}

test("with thousands open, what a call changes is the trails of a few", () => {
  const { history, copied } = callsAlone(4000, Infinity);
  expect(Object.values(history.open).flatMap((bucket) => Object.keys(bucket))).toHaveLength(4000);
  expect(Math.max(...copied)).toBeLessThan(40);
});

test("what is over does not pile up where calls are always alone, and counts as over", () => {
  const { history } = callsAlone(4000, 100);
  const kept = Object.values(history.open).flatMap((bucket) => Object.keys(bucket)).length;
  expect(kept).toBeLessThan(300);
  expect(history.after["chain\nm"]).toMatchObject({ total: 4000 - kept, over: 4000 - kept });
});
