/** Workflows of every shape, replies in every order, and what must hold of a run whatever happened. */

import fc from "fast-check";
import { expect } from "vitest";
import type { RunView, StageDefinition } from "../../../src/gateway/declared/wire.ts";

export type Draft = {
  readonly parents: readonly number[];
  readonly kind: "plain" | "lines" | "map" | "json";
  readonly when: "none" | "parent-text" | "status" | "never";
  readonly onError: "fail" | "skip";
  readonly retries: number;
};

export const draft: fc.Arbitrary<Draft> = fc.record({
  parents: fc.array(fc.nat(), { maxLength: 3 }),
  kind: fc.constantFrom("plain", "plain", "lines", "map", "json"),
  when: fc.constantFrom("none", "none", "parent-text", "status", "never"),
  onError: fc.constantFrom("skip", "skip", "skip", "fail"),
  retries: fc.integer({ min: 0, max: 2 }),
});

export function toStages(drafts: readonly Draft[]): StageDefinition[] {
  return drafts.map(({ parents, kind, when, onError, retries }, index) => {
    const read = index === 0 ? [] : [...new Set(parents.map((parent) => parent % index))].map((at) => `s${at}`);
    const [first] = read;
    const over =
      kind !== "map" ? {} : first === undefined ? { over: ["x", "y", "z"] } : { over: `{{ stages.${first}.json }}` };
    const conditions = {
      none: {},
      never: { when: "1 > 2" },
      "parent-text": { when: `stages.${first}.text contains "a"` },
    };
    const condition = when === "status" ? { when: `stages.${first}.status == "ended"` } : conditions[when];
    return {
      id: `s${index}`,
      kind: "llm",
      model: "big",
      prompt: `${index} ${read.map((id) => `{{ stages.${id}.text }}`).join(" ")}`,
      output: kind === "json" ? "json" : "lines",
      onError,
      retries,
      ...over,
      ...(first === undefined && when !== "never" ? {} : condition),
    };
  });
}

/** Turns of the microtask queue: replies overtake one another without any clock. */
export async function after(turns: number, text: string): Promise<string> {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve();
  return text;
}

export function hold({ status, stages, error }: RunView, definition: readonly StageDefinition[]): void {
  const byId = new Map(stages.map((stage) => [stage.id, stage]));
  expect(["succeeded", "failed", "cancelled"]).toContain(status);
  expect(error === undefined).toBe(status === "succeeded");
  for (const { id, after: parents = [], onError } of definition) {
    const stage = byId.get(id);
    expect(["ended", "skipped", "failed", "cancelled"]).toContain(stage?.status);
    if (status === "succeeded") expect(stage?.status).not.toBe("cancelled");
    if (stage?.status === "failed" && onError === "fail") expect(status).toBe("failed");
    const ran = parents.some((parent) => byId.get(parent)?.status === "ended");
    if (stage?.status === "ended") expect(parents.length === 0 || ran).toBe(true);
    if (stage?.status === "ended" && stage.items !== undefined) expect(stage.json).toHaveLength(stage.items);
  }
}
