/** What plans for engines that prefill and decode apart are laid out on: the scene, what has begun, and the decoder. */

import type { OpenWorkflow } from "../../../../state/workflow-state.ts";
import type { View } from "../../../policy.ts";
import { noDemand } from "../../demand.ts";
import { layScene, type Scene } from "../../scene.ts";
import { foresightDefaults } from "../../settings.ts";
import { lookAtPairs } from "./begun.ts";
import { none, type Ranks } from "./calls.ts";
import { PairsDecoder } from "./decode.ts";

/** Every engine that is up does one of the phases, batches, and serves the one model that it has. */
export function canLayPairs({ cluster }: View): boolean {
  for (const { up, role, holding, residents, loadEndUs } of cluster) {
    if (!up) continue;
    if (role === "both" || holding.engine.batching.kind !== "batched" || loadEndUs > 0) return false;
    if (residents.length !== 1 || holding.models.size !== 1) return false;
  }
  return true;
}

export function layPairs(
  view: View,
  workflows: readonly OpenWorkflow[],
  ranksOf: (scene: Scene) => Ranks,
  mostBatchUs: number,
): { readonly scene: Scene; readonly decoder: PairsDecoder } {
  const { nowUs, cluster } = view;
  // When what runs ends depends on who joins it, so the decoder says.
  const ends = { freeUs: new Float64Array(cluster.count).fill(nowUs), stageUs: new Map<string, number>() };
  // Nothing is asked of ranks and sizes: the order is the caller's, and so is the value.
  const outlook = { work: {}, ranks: {}, sizes: {}, order: workflows };
  const laid = layScene(view, outlook, { ...foresightDefaults, mostShards: 1 }, noDemand, ends);
  const { length } = laid.stages;
  // What is handed over is not cached where it was taken in.
  const outputs = new Int32Array(length).fill(none);
  const scene: Scene = { ...laid, links: { ...laid.links, outputs, outputTokens: new Float64Array(length) } };
  const engines = [...cluster];
  const state = {
    begun: lookAtPairs(view, scene),
    models: Int32Array.from(engines, ({ residents }) =>
      residents[0] === undefined ? none : scene.fleet.modelNumber(residents[0].model),
    ),
    decodes: Uint8Array.from(engines, ({ role }) => (role === "decode" ? 1 : 0)),
    nicFreeUs: Float64Array.from(engines, ({ nicFreeAtUs }) => nicFreeAtUs),
  };
  return { scene, decoder: new PairsDecoder(scene, state, ranksOf(scene), mostBatchUs) };
}
