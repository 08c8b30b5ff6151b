import fc from "fast-check";
import { expect, test } from "vitest";
import { createMemoryStore } from "../../../src/store/memory.ts";
import { toView } from "../../../src/gateway/declared/declared-run.ts";
import { toDeclared } from "../../../src/gateway/declared/parse-declared.ts";
import { counting, crashing, type Crash } from "./crashing-store.ts";
import { leaseMs, openGateway } from "./gateways.ts";
import { createHandTime, settle } from "./hand-time.ts";
import { submissionOf, type Reply } from "./support.ts";
import { after, draft, hold, toStages } from "./wild-workflow.ts";

const crash: fc.Arbitrary<Crash> = fc.record({ at: fc.nat({ max: 6 }), how: fc.constantFrom("before", "after") });

test("whatever its shape, a run that loses its carrier again and again is carried out as if once", async () => {
  const seen = new Map<string, number>();
  const see = (word: string): void => void seen.set(word, (seen.get(word) ?? 0) + 1);
  await fc.assert(
    fc.asyncProperty(
      fc.array(draft, { minLength: 1, maxLength: 8 }),
      fc.array(fc.nat({ max: 9 }), { minLength: 20, maxLength: 20 }),
      fc.array(crash, { minLength: 1, maxLength: 4 }),
      async (drafts, luck, crashes) => {
        const time = createHandTime();
        const counted = counting(createMemoryStore({ nowMs: () => time.nowUs() / 1000 }));
        const definition = toStages(drafts);
        const submission = submissionOf({ stages: definition }, { key: "k" });
        let calls = 0;
        const recorded = new Set<string>();
        const again: string[] = [];
        const reply = ({ text }: { readonly text: string }): Reply => {
          // Prompts begin with the stage's number.
          if (recorded.has(`s${text.split(" ")[0]}`)) again.push(text);
          const kind = luck[calls++ % luck.length] ?? 0;
          return kind === 0 ? 500 : after(kind, kind === 3 ? '["a"]' : "a\nb");
        };
        for (const [index, each] of [...crashes, undefined].entries()) {
          const store = each === undefined ? counted.store : crashing(counted.store, each);
          const gateway = await openGateway({ owner: `g${index}`, store, time, reply });
          void gateway.runs.recover();
          void gateway.runs.submit(submission);
          await settle();
          await time.pass(100);
          expect(gateway.faults).toEqual([]);
          const [stored] = await counted.store.listRuns("t", 10);
          for (const { stage } of stored?.stages ?? []) recorded.add(stage);
          if (stored !== undefined && stored.generation > 1) see("taken up again");
          // Nobody hears of it any more.
          await time.pass(leaseMs);
        }
        const runs = await counted.store.listRuns("t", 10);
        expect(runs).toHaveLength(1);
        const last = await openGateway({ owner: "last", store: counted.store, time });
        const run = await last.runs.find("t", runs[0]?.id ?? "");
        if (run === undefined) throw new Error("the run is gone");
        const parentsOf = new Map(
          toDeclared({ stages: definition }, "wild").stages.map((stage) => [stage.id, stage.parents]),
        );
        hold(
          toView(run),
          definition.map((stage) => ({ ...stage, after: parentsOf.get(stage.id) ?? [] })),
        );
        expect(again).toEqual([]);
        for (const times of counted.saved.values()) expect(times).toBe(1);
        for (const word of [run.status, ...[...run.stages.values()].map(({ status }) => status)]) see(word);
      },
    ),
    { numRuns: 100 },
  );
  for (const word of ["succeeded", "failed", "ended", "skipped", "cancelled", "taken up again"])
    expect(seen.get(word)).toBeGreaterThan(5);
});
