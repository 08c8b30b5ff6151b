/** What plans for batched engines are laid out on: the scene, what has begun on its engines, and the decoder. */

import type { View } from "../../policy.ts";
import type { Demand } from "../demand.ts";
import type { Outlook } from "../outlook.ts";
import { layScene } from "../scene.ts";
import type { ForesightSettings } from "../settings.ts";
import { lookAtBatches } from "./begun.ts";
import { BatchedDecoder } from "./decode.ts";

export function layBatches(view: View, outlook: Outlook, settings: ForesightSettings, demand: Demand): BatchedDecoder {
  const { nowUs, cluster } = view;
  // When what runs ends depends on who joins it, so the decoder says.
  const ends = { freeUs: new Float64Array(cluster.count).fill(nowUs), stageUs: new Map<string, number>() };
  const scene = layScene(view, outlook, { ...settings, mostShards: 1 }, demand, ends);
  const begun = lookAtBatches(view, scene, settings.spread);
  return new BatchedDecoder(scene, begun, settings.prefetch);
}
