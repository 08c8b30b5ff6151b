import type { ShareName } from "../engine-book.ts";
import { inBatchOf, lastStepUs } from "../filling.ts";
import type { Law } from "../law.ts";

/** The steps of a share follow each other without a pause. */
export const noGaps: Law = {
  name: "no-gaps",
  claim:
    "a share loads, fetches, takes in its prompt, hands over, decodes and ends at the instant at which the step before ended; on a batched engine a prompt may wait for the end of an iteration",
  scope: "model",
  watch: ({ ledger, report }) => {
    const expectAt = (event: ShareName & { readonly kind: string; readonly atUs: number }, dueUs: number): void => {
      if (event.atUs !== dueUs)
        report(`${event.kind} of ${event.stage}#${event.share} at ${event.atUs} us, due at ${dueUs} us`);
    };
    /** When a share that has started can work: at once, or when its model has been loaded. */
    const workUs = (event: ShareName): number | undefined => {
      const share = ledger.engines.running(event);
      const engine = ledger.engine(event.engine);
      if (share === undefined || engine === undefined) return undefined;
      return Math.max(share.startUs, engine.costs.engine.batching.kind === "exclusive" ? engine.loadedUs : 0);
    };
    const afterStep = (event: ShareName & { readonly kind: string; readonly atUs: number }): void => {
      const share = ledger.engines.running(event);
      if (share !== undefined) expectAt(event, share.stepUs);
    };
    return {
      "model-load-start": (event) => {
        const share = ledger.engine(event.engine)?.running[0];
        if (event.cause === "stage" && share !== undefined && share.startUs !== event.atUs)
          report(`${event.engine} loads ${event.model} at ${event.atUs} us, its share started at ${share.startUs} us`);
      },
      "transfer-start": (event) => {
        const dueUs = workUs(event);
        if (dueUs !== undefined) expectAt(event, dueUs);
      },
      "prefill-start": (event) => {
        const share = ledger.engines.running(event);
        const engine = ledger.engine(event.engine);
        const sinceUs = workUs(event);
        if (share === undefined || engine === undefined || sinceUs === undefined) return;
        const dueUs = Math.max(sinceUs, share.inputsUs);
        if (engine.costs.engine.batching.kind === "exclusive") return expectAt(event, dueUs);
        // Or when all that the iteration under way carried was lost.
        const ghosts = inBatchOf(engine, share.stage.model, engine.ghosts);
        if (event.atUs >= dueUs && ghosts.some(({ lostUs }) => lostUs === event.atUs)) return;
        expectAt(event, Math.max(lastStepUs(engine, share.stage.model), dueUs));
      },
      "decode-start": (event) => {
        const share = ledger.engines.running(event);
        const sinceUs = workUs(event);
        if (share === undefined || sinceUs === undefined) return;
        expectAt(event, share.phase === "decode" ? sinceUs : share.stepUs);
      },
      "kv-transfer-start": afterStep,
      "share-end": afterStep,
    };
  },
};
