import { batchOf, fillingAt, inBatchOf, lastStepUs, sequencesOf } from "../filling.ts";
import type { Batching } from "../../model/cluster.ts";
import type { ModelId } from "../../model/model.ts";
import type { Law } from "../law.ts";
import type { EngineRow, ShareRow } from "../rows.ts";

/** A batch step carries exactly the shares that are open on the engine, within its token budget, from the moment it can. */
export const batch: Law = {
  name: "batch",
  claim:
    "a batch step carries the prompts and sequences that were open at its start (where models are mixed, of its model), in order of admission and within `prefillTokens` (chunked: decoding sequences count too; whole: the first prompt always fits) and `prefillUs` (the first prompt always fits); where admission is by step, a share with a prompt starts only while open prompts leave some of `prefillTokens`; it starts when the step before ended, when all that the step under way carried was lost, or when there is work again",
  scope: "model",
  watch: ({ ledger, report }) => ({
    "batch-step": (event) => {
      const engine = ledger.engine(event.engine);
      if (engine === undefined) return;
      const { batching, id } = engine.costs.engine;
      if (batching.kind === "exclusive") return report(`${id} is exclusive and has no batch`);
      const { prompts, decoders } = fillingAt(engine, event.model, event.startUs);
      const carried = [...prompts.map((taken) => taken.share), ...decoders];
      if (carried.length === 0) return report(`${id} runs an iteration with nothing open`);
      const expected = batchOf(prompts, decoders);
      for (const [field, value] of Object.entries(expected)) {
        const found = event[field as keyof typeof expected];
        if (found !== value) report(`${id} runs an iteration with ${field} ${found}, expected ${value}`);
      }
      if (event.model !== carried[0]?.stage.model) report(`${id} runs ${event.model} for ${carried[0]?.stage.model}`);
      if (event.prefillTokens > 0 && event.steps !== 1) report(`${id} repeats an iteration that takes in prompts`);
      if (event.steps < 1) report(`${id} runs ${event.steps} iterations`);
      const budget = Math.max(batching.prefillTokens, event.sequences + 1);
      if (batching.chunkedPrefill && event.prefillTokens > 0 && event.prefillTokens + event.sequences > budget)
        report(`${id} takes ${event.prefillTokens} + ${event.sequences} tokens into one iteration of ${budget}`);
      let openUs = Infinity;
      for (const share of carried) openUs = Math.min(openUs, share.stepUs);
      const startUs = Math.max(openUs, lastStepUs(engine, event.model));
      if (event.startUs !== startUs && event.startUs !== abandonedUs(engine, event.model, startUs))
        report(`${id} starts an iteration at ${event.startUs} us, expected ${startUs} us`);
    },
    "share-start": (event) => {
      const engine = ledger.engine(event.engine);
      const batching = engine?.costs.engine.batching;
      if (engine === undefined || batching?.kind !== "batched" || batching.admission !== "by-step") return;
      if (event.phase === "decode") return;
      const model = ledger.engines.queued(event)?.stage.model;
      const { open, budget } = nextIntake(inBatchOf(engine, model, engine.running), batching);
      if (open >= budget)
        report(`${event.stage} starts on ${event.engine}, whose next iteration has ${open} of ${budget} tokens`);
    },
    "prefill-end": (event) => {
      const engine = ledger.engine(event.engine);
      const share = ledger.engines.running(event);
      if (share === undefined || engine?.costs.engine.batching.kind !== "batched") return;
      if (share.promptLeft !== 0)
        report(`${event.stage}#${event.share} ends its prompt with ${share.promptLeft} tokens left`);
      if (event.atUs !== lastStepUs(engine, share.stage.model))
        report(`${event.stage}#${event.share} ends its prompt between iterations`);
    },
    "decode-end": (event) => {
      const engine = ledger.engine(event.engine);
      const share = ledger.engines.running(event);
      if (share?.work === undefined || engine?.costs.engine.batching.kind !== "batched") return;
      const steps = Math.max(0, event.outputTokens / share.items - 1) * share.work.waves;
      if (share.stepsDone + share.written !== steps)
        report(
          `${event.stage}#${event.share} ends after ${share.written + share.stepsDone} iterations, its output takes ${steps}`,
        );
      const endUs = share.stepsDone === 0 ? share.stepUs : lastStepUs(engine, share.stage.model);
      if (event.atUs !== endUs) report(`${event.stage}#${event.share} ends between iterations`);
    },
  }),
};

/** Tokens that open prompts still have to take in, and what of the budget decoding leaves to them. */
function nextIntake(
  running: readonly ShareRow[],
  batching: Extract<Batching, { kind: "batched" }>,
): { open: number; budget: number } {
  const decoding = batching.chunkedPrefill ? running.filter(({ step }) => step === "decoding") : [];
  let open = 0;
  for (const { step, promptLeft } of running) if (step === "prefilling") open += promptLeft;
  return { open, budget: Math.max(1, batching.prefillTokens - sequencesOf(decoding)) };
}

/** When the last share of the iteration that began at `startUs` was lost, if all of them were: the engine lets go of it then. */
function abandonedUs(engine: EngineRow, model: ModelId, startUs: number): number | undefined {
  const { prompts, decoders } = fillingAt(engine, model, startUs);
  const carried = [...prompts.map(({ share }) => share), ...decoders].filter((share) => share.stepUs <= startUs);
  if (carried.length === 0 || carried.some((share) => !engine.ghosts.includes(share))) return undefined;
  return Math.max(...carried.map((share) => share.lostUs));
}
