import fc from "fast-check";
import { expect, test } from "vitest";
import { createRuns } from "../../../src/gateway/declared/runs.ts";
import { toDeclared } from "../../../src/gateway/declared/parse-declared.ts";
import type { RunView, StageDefinition } from "../../../src/gateway/declared/wire.ts";
import { toView } from "../../../src/gateway/declared/declared-run.ts";
import { world, type Reply } from "./support.ts";

type Draft = {
  readonly parents: readonly number[];
  readonly kind: "plain" | "lines" | "map" | "json";
  readonly when: "none" | "parent-text" | "status" | "never";
  readonly onError: "fail" | "skip";
  readonly retries: number;
};

const draft: fc.Arbitrary<Draft> = fc.record({
  parents: fc.array(fc.nat(), { maxLength: 3 }),
  kind: fc.constantFrom("plain", "plain", "lines", "map", "json"),
  when: fc.constantFrom("none", "none", "parent-text", "status", "never"),
  onError: fc.constantFrom("skip", "skip", "skip", "fail"),
  retries: fc.integer({ min: 0, max: 2 }),
});

function toStages(drafts: readonly Draft[]): StageDefinition[] {
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
async function after(turns: number, text: string): Promise<string> {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve();
  return text;
}

function hold({ status, stages, error }: RunView, definition: readonly StageDefinition[]): void {
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

test("whatever its shape and whatever goes wrong, a run comes to an end that adds up", async () => {
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(
      fc.array(draft, { minLength: 1, maxLength: 8 }),
      fc.array(fc.tuple(fc.nat({ max: 12 }), fc.nat({ max: 9 })), { minLength: 20, maxLength: 20 }),
      fc.constantFrom("whole", "split", "pairs", "cancel"),
      async (drafts, luck, how) => {
        let calls = 0;
        const reply = (): Reply => {
          const [turns = 0, kind = 0] = luck[calls++ % luck.length] ?? [];
          if (kind === 0) return 500;
          if (kind === 1) return { kind: "cut", retry: calls % 3 > 0, message: "cut" };
          if (kind === 2) return after(turns, "");
          return after(turns, kind === 3 ? '["a"]' : "a\nb");
        };
        const shares = (_: string, items: number): number[] =>
          how === "split" && items > 1 ? [1, items - 1] : [items];
        const made = world(reply, { shares, pairs: how === "pairs" });
        const definition = toStages(drafts);
        const workflow = toDeclared({ stages: definition }, "wild");
        await using runs = createRuns(made.options);
        const submitted = await runs.submit({ workflow, tenant: "t", key: undefined, bodyHash: "" });
        if (submitted.kind !== "created") throw new Error(submitted.kind);
        const { id } = submitted.run;
        if (how === "cancel") {
          await after(luck[0]?.[0] ?? 0, "");
          await runs.cancel("t", id);
        }
        const log = runs.logOf(id);
        while (log?.closed() === false) await log.changed();
        const run = await runs.find("t", id);
        if (run === undefined) throw new Error("the run is gone");
        const parentsOf = new Map(workflow.stages.map((stage) => [stage.id, stage.parents]));
        hold(
          toView(run),
          definition.map((stage) => ({ ...stage, after: parentsOf.get(stage.id) ?? [] })),
        );
        expect(made.driver.told.filter((word) => word === "end" || word === "cancel")).toHaveLength(1);
        for (const word of [run.status, ...[...run.stages.values()].map(({ status }) => status)])
          seen.set(word, (seen.get(word) ?? 0) + 1);
      },
    ),
    { numRuns: 200 },
  );
  for (const word of ["succeeded", "ended", "skipped", "failed", "cancelled"])
    expect(seen.get(word)).toBeGreaterThan(5);
});
