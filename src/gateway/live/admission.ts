/** Who is turned away before anything is planned for them, and why. */

import { canServe } from "../../cost/candidate.ts";
import type { EngineId } from "../../model/cluster.ts";
import type { StageKey } from "../../model/workflow.ts";
import type { EngineState } from "../../state/engine-state.ts";
import type { Refusal } from "./driver.ts";
import type { World } from "./world.ts";

export type Admission = {
  readonly world: World;
  readonly draining: boolean;
  readonly waiting: number;
  readonly maxWaiting: number;
  /** Engines that are about to leave: what they alone can serve waits for what comes in their place. */
  readonly leaving: ReadonlySet<EngineId>;
};

export function refusalOf(admission: Admission, key: StageKey): Refusal | undefined {
  const { world, draining, waiting, maxWaiting, leaving } = admission;
  if (draining)
    return { kind: "draining", message: "the gateway is about to stop and takes no new calls", retryAfterS: 1 };
  const { stage } = world.state.workflows.node(key);
  if (stage.kind === "tool") return undefined;
  let able = false;
  let up = false;
  for (const engine of world.state.cluster) {
    if (!canServe(stage, engine)) continue;
    able = true;
    up ||= engine.up || leaving.has(engine.id);
  }
  if (!able)
    return {
      kind: "no-engine",
      message: `no engine can serve ${stage.model} with a prompt of about ${stage.promptTokens} tokens and an answer of up to ${stage.limitTokens}`,
      retryAfterS: 30,
    };
  if (!up) return { kind: "no-engine", message: `no engine that serves ${stage.model} is up`, retryAfterS: 5 };
  if (waiting <= maxWaiting) return undefined;
  return { kind: "queue-full", message: `${maxWaiting} calls wait already`, retryAfterS: 1 };
}

/** Whether another engine than the one that failed could take the stage. */
export function hasOther({ state }: World, key: StageKey, failed: EngineId): boolean {
  const { stage } = state.workflows.node(key);
  if (stage.kind === "tool") return false;
  const could = (engine: EngineState): boolean =>
    engine.id !== failed && engine.up && engine.holding.engine.role !== "decode" && canServe(stage, engine);
  return [...state.cluster].some(could);
}
