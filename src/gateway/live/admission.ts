/** Who is turned away before anything is planned for them, and why; who is patient, only where waiting is of no use. */

import { canServe } from "../../cost/candidate.ts";
import { avoidingNobody } from "../../model/avoidance.ts";
import type { EngineId } from "../../model/cluster.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { StageKey } from "../../model/workflow.ts";
import type { EngineState } from "../../state/engine-state.ts";
import type { Refusal, Work } from "./driver.ts";
import type { World } from "./world.ts";

export type Admission = {
  readonly world: World;
  readonly draining: boolean;
  readonly waiting: number;
  readonly maxWaiting: number;
  /** Engines that are about to leave: what they alone can serve waits for what comes in their place. */
  readonly leaving: ReadonlySet<EngineId>;
};

export function refusalOf(
  admission: Admission,
  key: StageKey,
  { patient }: Pick<Work, "patient">,
): Refusal | undefined {
  const { world, draining, waiting, maxWaiting, leaving } = admission;
  if (draining)
    return { kind: "draining", message: "the gateway is about to stop and takes no new calls", retryAfterS: 1 };
  const { stage } = world.state.workflows.node(key);
  if (stage.kind === "tool") return undefined;
  const { cluster } = world.state;
  const never = !canBeServed(stage, cluster, () => true);
  if (never && !(patient === true && mayBeServedYet(stage, cluster)))
    return {
      kind: "no-engine",
      message: `no engine can serve ${stage.model} with a prompt of about ${stage.promptTokens} tokens and an answer of up to ${stage.limitTokens}`,
      retryAfterS: 30,
    };
  if (patient === true) return undefined;
  if (!canBeServed(stage, cluster, ({ up, id }) => up || leaving.has(id)))
    return { kind: "no-engine", message: `no engine that serves ${stage.model} is up`, retryAfterS: 5 };
  if (waiting <= maxWaiting) return undefined;
  return { kind: "queue-full", message: `${maxWaiting} calls wait already`, retryAfterS: 1 };
}

/** Whether others than the engines that failed could take the stage. */
export function hasOther({ state }: World, key: StageKey, ...failed: readonly EngineId[]): boolean {
  const { stage } = state.workflows.node(key);
  return stage.kind !== "tool" && canBeServed(stage, state.cluster, ({ up, id }) => up && !failed.includes(id));
}

/** No engine that could take the stage is up but those that it avoids. */
export function isStranded({ state: { cluster } }: World, stage: VisibleModelStage): boolean {
  return !canBeServed(stage, cluster, ({ up }) => up) && canBeServed(avoidingNobody(stage), cluster, () => true);
}

/** Nobody has the model, and somebody has not said yet what it serves: it has not been seen since the gateway began. */
function mayBeServedYet({ model }: VisibleModelStage, cluster: Iterable<EngineState>): boolean {
  let isSilent = false;
  for (const { holding } of cluster) {
    if (holding.models.has(model)) return false;
    isSilent ||= holding.models.size === 0;
  }
  return isSilent;
}

/** Whether one of the engines that pass can serve the stage alone, or one can take its prompt in and another decode. */
function canBeServed(
  stage: VisibleModelStage,
  cluster: Iterable<EngineState>,
  passes: (engine: EngineState) => boolean,
): boolean {
  let prefills = false;
  let decodes = stage.kind === "embed";
  for (const engine of cluster) {
    if (!passes(engine) || !canServe(stage, engine)) continue;
    const { role } = engine.holding.engine;
    prefills ||= role !== "decode";
    decodes ||= role !== "prefill";
    if (prefills && decodes) return true;
  }
  return false;
}
