/**
 * Where some workflows show their calls one by one, plans of the others are made for those, too: a load costs more than the time that
 * it takes, and so does every model that they call and that nobody holds in the end. Of what they will call only their history tells.
 */

import { reloadUs } from "../fate/last-copies.ts";
import type { Plan, View } from "../policy.ts";
import type { Memories } from "./memories.ts";
import { learn, noHistory, type History } from "./revealed/history.ts";
import { rememberedBy } from "./revealed/revealed.ts";
import { layWanted } from "./revealed/fleet.ts";
import type { RevealedSettings } from "./revealed/settings.ts";

export type Keeping = {
  /** What a load costs beside the time that is waited for it, as parts of its time. */
  readonly loadTime: number;
  /** By model, what it costs if nobody holds it when the plan is over. */
  readonly missingUs: Float64Array;
};

export function isAnyRevealedAsItGoes({ workflows }: View): boolean {
  for (const { reveal } of workflows.open.values()) if (reveal === "online") return true;
  return false;
}

/** Learns from the calls that come one by one, and plans with what they are likely to need. */
export function keepingForCalls(
  plan: (view: View, keeping: Keeping | undefined) => Plan,
  settings: RevealedSettings,
): (view: View) => Plan {
  return (view) => {
    if (!isAnyRevealedAsItGoes(view)) return plan(view, undefined);
    const all = view.memory as Memories | undefined;
    const history = settings.history ? learn(view, rememberedBy({ ...view, memory: all?.revealed })) : noHistory;
    const made = plan(view, keepingOf(view, history, settings));
    return { ...made, memory: { ...(made.memory as Memories), revealed: { history } } };
  };
}

function keepingOf(view: View, history: History, { loadTime, missing }: RevealedSettings): Keeping {
  const models = [...view.costs.models.keys()];
  // What they have not called yet is kept for nobody.
  const wanted = layWanted(models, history, 0);
  const missingUs = Float64Array.from(models, (model, index) => missing * wanted[index]! * reloadUs(view, model));
  return { loadTime, missingUs };
}
