/**
 * Looks again where calls are decoded whose prompts have just been taken in and whose KV has not set out: elsewhere, if KV memory that
 * was promised is gone, or if another engine ends the call clearly sooner.
 */

import type { Redirect } from "../../model/decision.ts";
import type { View } from "../policy.ts";
import type { Projection } from "./projection.ts";

export function planRedirects(view: View, projection: Projection, gain: number): Redirect[] {
  const redirects: Redirect[] = [];
  const { cluster, nowUs } = view;
  for (let index = 0; index < cluster.count; index++) {
    const engine = cluster.at(index);
    if (engine.role === "decode") continue;
    for (const { stage, phase, prefilledUs, arriveUs, decodeEngine } of engine.running) {
      if (phase !== "prefill" || prefilledUs !== nowUs || arriveUs !== undefined || decodeEngine === undefined)
        continue;
      // By an old view it may be over.
      if (!view.workflows.has(stage.key)) continue;
      const planned = cluster.engine(decodeEngine);
      const { best, bestEndUs, plannedEndUs } = projection.redecode(stage, engine, planned);
      if (best === undefined || best === planned) continue;
      if (bestEndUs - nowUs >= (1 - gain) * (plannedEndUs - nowUs)) continue;
      redirects.push({ kind: "redirect", stage: stage.key, decodeEngine: best.id });
      projection.books.move(stage, planned, best);
    }
  }
  return redirects;
}
