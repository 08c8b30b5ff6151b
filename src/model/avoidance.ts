/** Engines that a stage avoids, since they failed it. */

import type { EngineId } from "./cluster.ts";
import type { VisibleModelStage } from "./visible.ts";

export function avoiding(stage: VisibleModelStage, engine: EngineId): VisibleModelStage {
  return { ...stage, allow: { ...stage.allow, avoid: [...(stage.allow?.avoid ?? []), engine] } };
}

export function avoidingNobody(stage: VisibleModelStage): VisibleModelStage {
  if (stage.allow?.avoid === undefined) return stage;
  const { avoid: _avoid, ...allow } = stage.allow;
  return { ...stage, allow };
}
