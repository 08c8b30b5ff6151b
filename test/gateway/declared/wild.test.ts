import fc from "fast-check";
import { expect, test } from "vitest";
import { createRuns } from "../../../src/gateway/declared/runs.ts";
import { toDeclared } from "../../../src/gateway/declared/parse-declared.ts";
import { toView } from "../../../src/gateway/declared/declared-run.ts";
import { submissionOf, world, type Reply } from "./support.ts";
import { after, draft, hold, toStages } from "./wild-workflow.ts";

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
        const submitted = await runs.submit(submissionOf({ stages: definition }));
        if (submitted.kind !== "created") throw new Error(submitted.kind);
        const { id } = submitted.run;
        if (how === "cancel") {
          await after(luck[0]?.[0] ?? 0, "");
          await runs.cancel("t", id);
        }
        const log = runs.follow(id)?.log;
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
