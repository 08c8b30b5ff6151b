/** Whether anything goes on that will bring the question back. */

import type { View } from "./policy.ts";

/** No engine has anything to do, and no stage runs by itself. */
export function isAtRest({ cluster, workflows }: Pick<View, "cluster" | "workflows">): boolean {
  for (const engine of cluster) if (!engine.idle) return false;
  for (const { stages } of workflows.open.values())
    for (const { status, stage } of stages.values())
      if (status === "running" || (status === "ready" && stage.kind === "tool")) return false;
  return true;
}
