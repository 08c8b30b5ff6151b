/** What a policy is shown of real engines, whether it plans in place or in a thread of its own. */

import type { CostModel } from "../../cost/cost-model.ts";
import type { View } from "../../policy/policy.ts";
import type { Rng } from "../../random/rng.ts";
import type { State } from "../../state/apply.ts";
import { beyondServers } from "./carry-out.ts";
import { withoutUnloadable, type Unloadable } from "./unloadable.ts";

export type Moment = {
  readonly nowUs: number;
  readonly state: State;
  readonly costs: CostModel;
  readonly rng: Rng;
  readonly memory: unknown;
  readonly unloadable: readonly Unloadable[];
};

export function liveView({ nowUs, state, costs, rng, memory, unloadable }: Moment): View {
  const { workflows } = state;
  const shown = withoutUnloadable(state.cluster, costs, unloadable);
  return { nowUs, workflows, ...shown, ready: [...workflows.ready], rng, memory, cannot: beyondServers };
}
