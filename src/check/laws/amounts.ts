import type { Law } from "../law.ts";
import { toSetAside } from "../room.ts";

/** Tokens and sequences follow from the stage and the number of items of a share. */
export const amounts: Law = {
  name: "amounts",
  claim:
    "prompt tokens, KV tokens, sequences, waves, contexts and outputs of a share are those of its items of the stage, and an output is never longer than its limit",
  scope: "model",
  watch: ({ ledger, report }) => ({
    "share-start": (event) => {
      const engine = ledger.engine(event.engine);
      const share = ledger.engines.queued(event);
      if (engine === undefined || share === undefined) return;
      const work = ledger.engines.workOf(engine, share);
      if (work === undefined) return;
      const kvTokens = toSetAside(engine, share, work);
      if (event.kvTokens !== kvTokens)
        report(`${event.stage}#${event.share} sets ${event.kvTokens} KV tokens aside, expected ${kvTokens}`);
    },
    "prefill-start": (event) => {
      const share = ledger.engines.running(event);
      if (share?.work === undefined) return;
      const { sharedTokens, ownTokens, sequences } = share.work;
      const promptTokens = sharedTokens + share.items * ownTokens + sequences * share.written;
      if (event.promptTokens !== promptTokens)
        report(`${event.stage}#${event.share} takes in ${event.promptTokens} tokens, expected ${promptTokens}`);
    },
    "decode-start": (event) => {
      const share = ledger.engines.running(event);
      if (share?.work === undefined) return;
      const { sequences, waves, contextTokens } = share.work;
      const expected = { sequences, waves, contextTokens: contextTokens + share.written };
      for (const [field, value] of Object.entries(expected)) {
        const found = event[field as keyof typeof expected];
        if (found !== value) report(`${event.stage}#${event.share} decodes with ${field} ${found}, expected ${value}`);
      }
    },
    "decode-end": (event) => {
      const share = ledger.engines.running(event);
      if (share === undefined) return;
      const perItem = event.outputTokens / share.items;
      const others = share.row.itemTokens;
      if (!Number.isInteger(perItem)) report(`${event.stage}#${event.share} writes ${perItem} tokens an item`);
      else if (others !== undefined && others !== perItem)
        report(`${event.stage}#${event.share} writes ${perItem} tokens an item, another share ${others}`);
    },
    "stage-end": (event) => {
      const row = ledger.stages.get(event.stage);
      if (row === undefined) return;
      const { stage, itemTokens } = row;
      if (stage.kind === "tool") {
        if (event.outputTokens !== 0) report(`${event.stage} is a tool and writes ${event.outputTokens} tokens`);
        return;
      }
      if (event.outputTokens > stage.limitTokens)
        report(`${event.stage} writes ${event.outputTokens} tokens, its limit is ${stage.limitTokens}`);
      const perItem = Math.ceil(event.outputTokens / stage.items);
      if (stage.kind === "llm" && perItem !== itemTokens)
        report(`${event.stage} ends with ${perItem} tokens an item, its shares wrote ${itemTokens}`);
    },
  }),
};
