/** Laws about engines that run a batch per model. */

import type { Journal } from "../../../src/journal/journal.ts";
import type { Batching } from "../../../src/model/cluster.ts";
import type { ModelStage } from "../../../src/model/workflow.ts";
import type { PolicyEntry } from "../../../src/policy/policy.ts";
import { batched, cluster, llm, run } from "../../support/build.ts";
import { expectCaught, mixing } from "../caught.ts";
import { change, withBatching, withEngines } from "../mutate.ts";

const other = { model: "phi-4-14.7b" };
const mixes = { ...batched, mixesModels: true } as Batching;

/** Calls on one engine, ranked as they stand, of which so many come at once and the others right after. */
function line(batching: Batching, kvBytes: number, atOnce: number, ...calls: readonly Partial<ModelStage>[]): Journal {
  const policy: PolicyEntry = {
    summary: "in order",
    plan: ({ ready }) => ({
      decisions: ready.map((stage) => ({
        kind: "place",
        stage: stage.key,
        shares: [{ engine: "engine-0", items: 1 }],
        rank: Number.parseInt(stage.key.slice(1), 10),
      })),
    }),
  };
  return run({
    cluster: cluster("h200", {
      batching,
      kvBytes,
      maxResident: 2,
      resident: ["llama-3.1-8b", "phi-4-14.7b"],
    }),
    policy,
    workflows: calls.map((call, index) => ({
      id: `w${index}`,
      arrivalUs: index < atOnce ? 0 : index,
      reveal: "static",
      stages: [llm("s", call)],
    })),
  });
}

const roomy = 4e9;
const long = { output: { estimate: 300, actual: 300, limit: 400 } };
const lacksMemory = (): Journal => line(mixes, 2000 * 204_800, 3, other, other, {});
const lacksSequences = (): Journal =>
  line({ ...mixes, maxSequences: 2 }, roomy, 2, {}, { ...other, ...long }, {}, other);
const lacksModel = (): Journal => {
  const embed = { kind: "embed", model: "embed-1.2b", output: { estimate: 0, actual: 0, limit: 0 } } as const;
  return line(mixes, roomy, 2, {}, { ...other, ...long }, {}, embed);
};
const first = (journal: Journal, workflow: string): Journal =>
  change(
    journal,
    "stage-place",
    () => ({ rank: -1 }),
    ({ stage }) => stage === `${workflow}/s`,
  );

expectCaught("queue-order", [
  ["one that goes before one with memory enough", () => withEngines(lacksMemory(), { kvBytes: 4000 * 204_800 })],
  [
    "one that waits with sequences enough",
    () => withBatching(line({ ...mixes, maxSequences: 1 }, roomy, 2, {}, other), { maxSequences: 2 }),
  ],
  ["one that takes the sequences of one ahead of it", () => first(lacksSequences(), "w3")],
  ["one that goes before one that waits for a load", () => first(lacksModel(), "w3")],
]);

expectCaught("slots", [
  ["more sequences of two models than there are", () => withBatching(lacksMemory(), { maxSequences: 1 })],
  ["two models where they are not mixed", () => withBatching(mixing, { mixesModels: false })],
]);

expectCaught("kv-memory", [
  [
    "more of one model than its memory holds",
    () => withEngines(line(mixes, roomy, 3, {}, {}, other), { kvBytes: 1500 * 131_072 }),
  ],
]);

expectCaught("batch", [
  [
    "a step of another model",
    () =>
      change(
        lacksMemory(),
        "batch-step",
        () => ({ model: "llama-3.1-8b" }),
        ({ startUs, model }) => startUs > 0 && model !== "llama-3.1-8b",
      ),
  ],
  [
    "two batches of one model at once",
    () =>
      change(
        lacksMemory(),
        "batch-step",
        ({ startUs }) => ({ startUs: startUs - 1 }),
        ({ startUs }) => startUs > 0,
      ),
  ],
  [
    "a sequence of another model in the batch",
    () =>
      change(
        lacksMemory(),
        "batch-step",
        ({ sequences }) => ({ sequences: sequences + 1 }),
        ({ sequences }) => sequences > 0,
      ),
  ],
]);
