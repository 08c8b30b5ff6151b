/** Which model each engine serves, where they could serve several: what a plan is told by whoever decides that. */

import type { EngineId } from "../../model/cluster.ts";
import type { Prefetch } from "../../model/decision.ts";
import type { ModelId } from "../../model/model.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { EngineState } from "../../state/engine-state.ts";

/** An engine, and since when it has had the model that it uses. Plain data. */
export type Tenure = { readonly engine: EngineId; readonly model: ModelId; readonly sinceUs: number };

export type Serving = {
  /** Kept from plan to plan. */
  readonly tenures: readonly Tenure[];
  /** That wait, and have engines that may take them, the most urgent first. */
  readonly calls: readonly VisibleModelStage[];
  readonly mayTake: (engine: EngineState, stage: VisibleModelStage) => boolean;
  readonly mayDecode: (engine: EngineState, stage: VisibleModelStage) => boolean;
  readonly modelOf: (engine: EngineState) => ModelId | undefined;
  /** Takes the call into account, on the engine that takes its prompt in and the one that decodes it. */
  readonly take: (stage: VisibleModelStage, engines: readonly EngineState[]) => void;
  readonly loads: readonly Prefetch[];
};
