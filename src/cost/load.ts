/** Time to bring a model's weights from disk or host memory onto an engine's devices. */

import type { Host } from "../model/cluster.ts";
import type { Model } from "../model/model.ts";

/** The host reads once for all devices of the group, so the group's size does not matter. */
export function loadUs(host: Host, model: Model): number {
  return Math.round(host.loadLatencyUs + (model.weightBytes / host.loadBytesPerSecond) * 1e6);
}
