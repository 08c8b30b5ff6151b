/** What a journal says about where stages went. */

import type { Journal } from "../../src/journal/journal.ts";

/** Numbers of the engines on which each stage was placed last, by the stage's name in its workflow. */
export function enginesOf({ events, header }: Journal): Record<string, readonly number[]> {
  const numberOf = new Map(header.cluster.engines.map((engine, index) => [engine.id, index]));
  const placed: Record<string, readonly number[]> = {};
  for (const event of events) {
    if (event.kind !== "stage-place") continue;
    const id = event.stage.slice(event.stage.indexOf("/") + 1);
    placed[id] = event.shares.map((share) => numberOf.get(share.engine) ?? -1);
  }
  return placed;
}

/** When the last workflow ended. */
export function makespanUs({ events }: Journal): number {
  let lastUs = 0;
  for (const event of events) if (event.kind === "workflow-end") lastUs = event.atUs;
  return lastUs;
}
