/** Calls a second that an engine serves of a model, all its places taken, at a call of a thousand tokens in and 256 out. */

import type { Known } from "../../cost/candidate.ts";
import { decodeUs } from "../../cost/decode.ts";
import { prefillUs } from "../../cost/prefill.ts";
import type { EngineId } from "../../model/cluster.ts";
import type { ModelId } from "../../model/model.ts";

const promptTokens = 1024;
const outputTokens = 256;

/** 0 where the engine cannot hold the model. */
export function throughput({ costs }: Known, id: EngineId, model: ModelId): number {
  const { engine, models } = costs.engine(id);
  const held = models.get(model);
  if (held === undefined) return 0;
  const { kind, maxSequences } = engine.batching;
  const inMemory = Math.floor(held.kvCapacityTokens / (promptTokens + outputTokens));
  const places = kind === "exclusive" ? 1 : Math.max(1, Math.min(maxSequences, inMemory));
  const roundUs =
    places * prefillUs(held.rates, promptTokens, 0, 1) + decodeUs(held.rates, places, promptTokens, outputTokens);
  return (places * 1e6) / roundUs;
}
