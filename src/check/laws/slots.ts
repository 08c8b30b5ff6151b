import { sequencesOf } from "../filling.ts";
import { mixesModels } from "../../model/cluster.ts";
import type { Law } from "../law.ts";

/** An exclusive engine runs one share; a batch never grows beyond its sequences. */
export const slots: Law = {
  name: "slots",
  claim:
    "an exclusive engine runs one share at a time, and the sequences of a batched one, of all models together, never exceed `maxSequences`",
  scope: "any",
  watch: ({ ledger, report }) => {
    let started: string | undefined;
    const look = (): void => {
      const engine = started === undefined ? undefined : ledger.engine(started);
      started = undefined;
      if (engine === undefined) return;
      const { id, batching } = engine.costs.engine;
      if (batching.kind === "exclusive") {
        if (engine.running.length > 1) report(`${id} runs ${engine.running.length} shares at once`);
        return;
      }
      // Shares that only wait for their KV to leave have left the batch.
      const members = engine.running.filter((share) => share.step !== "prefilled" && share.step !== "sending");
      if (members.length < 2) return;
      const sequences = sequencesOf(members);
      if (sequences > batching.maxSequences)
        report(`${id} runs ${sequences} sequences, at most ${batching.maxSequences}`);
      if (
        !mixesModels(engine.costs.engine) &&
        engine.running.some((share) => share.stage.model !== engine.running[0]?.stage.model)
      )
        report(`${id} runs two models in one batch`);
    };
    return {
      any: look,
      "share-start": (event) => {
        started = event.engine;
      },
      end: look,
    };
  },
};
