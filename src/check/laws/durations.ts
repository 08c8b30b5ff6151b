import { decodeStepsUs } from "../../cost/decode.ts";
import { shareDecodeUs, sharePrefillUs } from "../../cost/phase.ts";
import { iterationUs } from "../../cost/roofline.ts";
import { shardUs } from "../../cost/shard.ts";
import { kvTransferUs, transferUs } from "../../cost/transfer.ts";
import { factorAt } from "../filling.ts";
import type { EventOf, Law } from "../law.ts";
import type { EngineRow } from "../rows.ts";

/** Everything takes as long as the cost model says, to the microsecond. */
export const durations: Law = {
  name: "durations",
  claim:
    "loads, transfers, prefills, decodes, batch steps and merges take what the cost model gives for the header's cluster, models and calibration, times the engine's slow factor at their start",
  scope: "model",
  watch: ({ ledger, costs, report }) => {
    const expectUs = (what: string, foundUs: number, expectedUs: number): void => {
      if (foundUs !== expectedUs) report(`${what} takes ${foundUs} us, expected ${expectedUs} us`);
    };
    const expectEnd = (what: string, atUs: number, dueUs: number | undefined): void => {
      if (dueUs !== undefined && atUs !== dueUs) report(`${what} ends at ${atUs} us, due at ${dueUs} us`);
    };
    const endOfStage = ({ stage, atUs }: EventOf<"stage-end" | "stage-lost">): void => {
      const row = ledger.stages.get(stage);
      if (row?.place === undefined) return;
      expectEnd(`merge of ${stage}`, atUs, row.lastShareEndUs + shardUs(row.place.shares.length));
    };
    return {
      "model-load-start": (event) => {
        const engine = ledger.engine(event.engine);
        const held = engine?.costs.models.get(event.model);
        if (engine === undefined || held === undefined) return;
        expectUs(`load of ${event.model}`, event.durationUs, Math.round(held.loadUs * engine.factor));
      },
      "model-load-end": (event) =>
        expectEnd(`load of ${event.model}`, event.atUs, ledger.engine(event.engine)?.loadDueUs),
      "transfer-start": (event) => {
        const row = ledger.stages.get(event.stage);
        const bytes = row?.stage.parents.find((parent) => parent.stage === event.parent)?.bytes;
        if (bytes !== undefined && bytes !== event.bytes)
          report(`${event.stage} reads ${event.bytes} bytes of ${event.parent}, expected ${bytes}`);
        const route = costs.route(event.from, event.to);
        if (route !== undefined)
          expectUs(`transfer of ${event.parent}`, event.durationUs, transferUs(route, event.bytes));
      },
      "transfer-end": (event) => {
        const share = ledger.engines.running(event);
        expectEnd(`transfer of ${event.parent}`, event.atUs, share?.inputs.get(event.parent));
      },
      "prefill-end": (event) => {
        const engine = ledger.engine(event.engine);
        const share = ledger.engines.running(event);
        const rates = engine?.costs.models.get(share?.stage.model ?? "")?.rates;
        if (share?.work === undefined || rates === undefined || !isExclusive(engine)) return;
        const us = sharePrefillUs(rates, share.work, share.items, share.cachedTokens);
        expectUs(
          `prefill of ${event.stage}#${event.share}`,
          event.atUs - share.stepUs,
          Math.round(us * share.stepFactor),
        );
      },
      "kv-transfer-start": (event) => {
        const engine = ledger.engine(event.engine);
        const share = ledger.engines.running(event);
        const model = engine?.costs.models.get(share?.stage.model ?? "")?.model;
        if (engine === undefined || share === undefined || model === undefined) return;
        const tokens = share.promptTokens;
        if (event.bytes !== tokens * model.kvBytesPerToken)
          report(`KV of ${event.stage} has ${event.bytes} bytes, expected ${tokens * model.kvBytesPerToken}`);
        expectUs(
          `KV transfer of ${event.stage}`,
          event.durationUs,
          kvTransferUs(engine.costs.host, model.kvBytesPerToken, tokens),
        );
      },
      "kv-transfer-end": (event) =>
        expectEnd(`KV transfer of ${event.stage}`, event.atUs, ledger.engines.running(event)?.dueUs),
      "decode-end": (event) => {
        const engine = ledger.engine(event.engine);
        const share = ledger.engines.running(event);
        const rates = engine?.costs.models.get(share?.stage.model ?? "")?.rates;
        if (share?.work === undefined || rates === undefined || !isExclusive(engine)) return;
        const decodeSteps = Math.max(0, event.outputTokens / share.items - 1) * share.work.waves;
        const us = shareDecodeUs(rates, { ...share.work, decodeSteps });
        expectUs(
          `decode of ${event.stage}#${event.share}`,
          event.atUs - share.stepUs,
          Math.round(us * share.stepFactor),
        );
      },
      "batch-step": (event) => {
        const engine = ledger.engine(event.engine);
        const rates = engine?.costs.models.get(event.model)?.rates;
        if (engine === undefined || rates === undefined) return;
        const us =
          event.prefillTokens > 0
            ? event.steps * iterationUs(rates, event)
            : decodeStepsUs(rates, event.sequences, event.contextTokens, event.steps);
        const expectedUs = Math.max(1, Math.round(us * factorAt(engine, event.startUs)));
        expectUs(`a batch step on ${event.engine}`, event.atUs - event.startUs, expectedUs);
      },
      "stage-end": endOfStage,
      "stage-lost": (event) => {
        if (event.reason === "result-lost") endOfStage(event);
      },
    };
  },
};

function isExclusive(engine: EngineRow | undefined): boolean {
  return engine?.costs.engine.batching.kind === "exclusive";
}
