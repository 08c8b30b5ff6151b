/** Who combines placements, and what happens when nobody can. */

import { expect, test } from "vitest";
import { createFate } from "../../../src/policy/fate/fate.ts";
import { combineBySolver } from "../../../src/policy/fate/plan.ts";
import { fateDefaults } from "../../../src/policy/fate/settings.ts";
import { createCpSat } from "../../../src/solve/cp-sat.ts";
import { cluster, dag } from "../../support/build.ts";
import { runPlain } from "../../support/run-plain.ts";

const models = ["llama-3.1-8b", "phi-4-14.7b", "qwen2.5-32b"] as const;
const crowd = dag("a, b, c, d, e, f, g, h -> i, j, k, l", (id) => ({
  model: models[id.charCodeAt(0) % models.length] ?? models[0],
  output: { estimate: 100, actual: 60 + 10 * id.charCodeAt(0), limit: 4000 },
}));
const machines = cluster("h100 a100 l40s", { maxResident: 1 });

function runWith(options: Parameters<typeof combineBySolver>[0]) {
  const policy = { plan: createFate(fateDefaults, combineBySolver(options)), summary: "fate", whenIdle: true };
  return runPlain({ policy, workflows: [crowd], cluster: machines });
}

const notesOf = ({ events }: ReturnType<typeof runWith>): readonly string[] =>
  events.flatMap((event) => (event.kind === "plan" && event.note !== undefined ? [event.note] : []));

test("what the exact search cannot prove within its budget, CP-SAT does, and a plan says nothing", async () => {
  await using cpSat = createCpSat();
  const journal = runWith({ workBudget: 1, deterministicSeconds: 1, cpSat });
  expect(journal.events.at(-1)?.kind).toBe("workflow-end");
  expect(notesOf(journal)).toEqual([]);
});

test("with the solver down and no budget left, the best plan so far is taken, and the journal says why", async () => {
  const workerFile = new URL("no-such-solver.js", import.meta.url);
  await using cpSat = createCpSat({ workerFile, patienceMs: 300 });
  const journal = runWith({ workBudget: 1, cpSat });
  expect(journal.events.at(-1)?.kind).toBe("workflow-end");
  const notes = notesOf(journal);
  expect(notes.length).toBeGreaterThan(0);
  for (const note of notes) expect(note).toMatch(/fallback, the exact search ended after 1 units of work, \S/);
});
