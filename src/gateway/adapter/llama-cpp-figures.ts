/** Load figures of llama.cpp: its metrics where they are switched on, else its slots where they are shown. */

import { array, boolean, openObject } from "../../trace/shape.ts";
import { isMissing } from "./engine-fault.ts";
import { type Figures, parseMetrics, readFigures } from "./figures.ts";
import type { Server } from "./server.ts";

const names = {
  running: ["llamacpp:requests_processing"],
  waiting: ["llamacpp:requests_deferred"],
  kvShare: ["llamacpp:kv_cache_usage_ratio"],
};
const slotsShape = array(openObject({ is_processing: boolean() }), { max: 100_000 });

/** Undefined where it tells none. `routed` names a model behind a router. */
export async function readLlamaCppFigures(
  server: Server,
  signal: AbortSignal,
  routed?: string,
): Promise<Figures | undefined> {
  const query = routed === undefined ? "" : `?model=${encodeURIComponent(routed)}&autoload=false`;
  try {
    return readFigures(
      parseMetrics(await server.text({ method: "GET", path: `/metrics${query}` }, signal), names),
      names,
    );
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  try {
    const slots = await server.json({ method: "GET", path: `/slots${query}` }, slotsShape, signal);
    return { running: slots.filter((slot) => slot.is_processing).length };
  } catch (error) {
    if (!isMissing(error)) throw error;
    return undefined;
  }
}
