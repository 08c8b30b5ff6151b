/**
 * Whatever a policy is handed, it finds no stage that is not revealed and no length that is not known. Every object that can be
 * reached from its view is walked through, for names and numbers that nothing else has.
 */

import { expect, test } from "vitest";
import type { Workflow } from "../../src/model/workflow.ts";
import { policies } from "../../src/policy/policies.ts";
import type { PolicyEntry, View } from "../../src/policy/policy.ts";
import { createRng } from "../../src/random/rng.ts";
import { llm, run } from "../support/build.ts";
import { namedCluster } from "../../src/catalogue/clusters.ts";

/** Of each stage a name that only it has, a true length and a tool time that no estimate and no sum of prompts gives. */
function marked(seed: number): Workflow[] {
  const rng = createRng(seed, "marks");
  const model = "llama-3.1-70b";
  return Array.from({ length: 12 }, (_, index): Workflow => {
    const id = `w${index}`;
    const mark = (stage: number): string => `secret-${seed}-${index}-${stage}`;
    const length = (stage: number): number => 1013 + 2 * (12 * stage + index) + 200 * rng.below(4);
    const output = (stage: number) => ({ estimate: 500, actual: length(stage), limit: 5000 });
    const text = [{ kind: "text", key: "system", tokens: 1000 }] as const;
    return {
      id,
      arrivalUs: index * 400_000,
      reveal: "online",
      stages: [
        llm(mark(0), { model, prompt: text, output: output(0) }),
        {
          id: mark(1),
          kind: "tool",
          parents: [{ stage: mark(0), bytes: 500 }],
          priority: 0,
          estimateUs: 500_000,
          actualUs: 777_001 + 2 * index,
        },
        llm(mark(2), {
          model,
          prompt: [...text, { kind: "output", stage: mark(0) }],
          parents: [{ stage: mark(1), bytes: 500 }],
          output: output(2),
        }),
        llm(mark(3), { model, prompt: text, parents: [{ stage: mark(2), bytes: 500 }], output: output(3) }),
      ],
    };
  });
}

type Found = { readonly texts: ReadonlySet<string>; readonly numbers: ReadonlySet<number> };

/** All texts and numbers that can be reached, by field, entry or closure-free property. */
function walk(root: unknown): Found {
  const texts = new Set<string>();
  const numbers = new Set<number>();
  const seen = new Set<unknown>();
  const left: unknown[] = [root];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value === "string") texts.add(value);
    if (typeof value === "number") numbers.add(value);
    if (typeof value !== "object" || value === null || seen.has(value)) continue;
    seen.add(value);
    if (value instanceof Map) left.push(...value.keys(), ...value.values());
    else if (value instanceof Set) left.push(...value);
    else if (Symbol.iterator in value) left.push(...(value as Iterable<unknown>));
    for (const name of Object.getOwnPropertyNames(value)) left.push((value as Record<string, unknown>)[name]);
    const prototype = Object.getPrototypeOf(value) as object | null;
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(prototype ?? {})))
      if ("get" in property && name !== "__proto__") left.push((value as Record<string, unknown>)[name]);
  }
  return { texts, numbers };
}

/** Asks `policy`, and first looks for everything that is still secret, and to be sure that it can find it, for what is not any more. */
function searching(
  policy: PolicyEntry,
  workflows: readonly Workflow[],
  { leaks, told }: { readonly leaks: Set<string>; readonly told: Set<string> },
): PolicyEntry {
  const search = (view: View): void => {
    const { texts, numbers } = walk({ ...view, rng: undefined });
    const joined = [...texts].join("\n");
    for (const workflow of workflows) {
      for (const stage of workflow.stages) {
        const key = `${workflow.id}/${stage.id}`;
        const node = view.workflows.has(key) ? view.workflows.node(key) : undefined;
        if (node === undefined && !over(view, workflow) && joined.includes(stage.id)) leaks.add(`${key} by name`);
        const secret = stage.kind === "tool" ? stage.actualUs : stage.output.actual;
        if (node?.status === "ended" || over(view, workflow)) {
          if (node !== undefined && numbers.has(secret)) told.add(key);
        } else if (numbers.has(secret)) leaks.add(`${key} by ${secret}`);
      }
    }
  };
  let asked = 0;
  return {
    ...policy,
    whenIdle: true,
    plan: (view) => {
      asked += 1;
      if (asked % 4 === 0) search(view);
      return policy.plan(view);
    },
  };
}

/** It has come and gone: what it left in caches is no secret. */
function over({ workflows, nowUs }: View, { id, arrivalUs }: Workflow): boolean {
  return arrivalUs < nowUs && !workflows.open.has(id);
}

test.each(["het3-kv", "both"])("nothing hidden can be reached on %s", (id) => {
  for (const seed of [1, 2]) {
    const workflows = marked(seed);
    const leaks = new Set<string>();
    const told = new Set<string>();
    const cluster = namedCluster(id);
    run({
      ...(cluster === undefined ? {} : { cluster }),
      seed,
      workflows,
      policy: searching(policies["least-loaded"], workflows, { leaks, told }),
    });
    expect([...leaks]).toEqual([]);
    expect(told.size).toBeGreaterThan(10);
  }
});

test("the search finds what is there", () => {
  const inside = { deep: [new Map([["key", { length: 1013 }]])], text: "of secret-1-0-0" };
  const { texts, numbers } = walk(inside);
  expect(numbers.has(1013)).toBe(true);
  expect([...texts]).toContain("of secret-1-0-0");
});
