/** The roles that engines are meant for, where calls that wait can go nowhere else: who must not leave, and who must come back. */

import { canServe } from "../../cost/candidate.ts";
import type { EngineId } from "../../model/cluster.ts";
import type { SwitchRole } from "../../model/decision.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { EngineState } from "../../state/engine-state.ts";
import { likenessOf, type Likeness } from "../likeness.ts";
import type { View } from "../policy.ts";

export type Homes = {
  /** The only ones to do their phase for some call. */
  readonly bound: ReadonlySet<EngineId>;
  readonly returns: readonly SwitchRole[];
};

export function lookHome({ cluster, ready }: View): Homes {
  const bound = new Set<EngineId>();
  const called = new Set<EngineId>();
  const away = [...cluster].filter((engine) => engine.open && isAway(engine));
  for (const stage of alike(ready)) {
    const able = [...cluster].filter((engine) => engine.up && canServe(stage, engine));
    for (const phase of stage.kind === "embed" ? (["prefill"] as const) : (["prefill", "decode"] as const)) {
      const now = able.filter(({ switching, role }) => [phase, "both"].includes(switching ?? role));
      if (now.length === 1) for (const { id } of now) bound.add(id);
      if (now.length > 0) continue;
      const first = able.find((engine) => homeOf(engine) === phase && away.includes(engine));
      if (first !== undefined) called.add(first.id);
    }
  }
  const returns = away.flatMap((engine): SwitchRole[] => {
    const role = homeOf(engine);
    return role !== "both" && called.has(engine.id) ? [{ kind: "switch-role", engine: engine.id, role }] : [];
  });
  return { bound, returns };
}

/** One stage of each kind: alike are those that may go to the same engines. */
function alike(stages: readonly VisibleModelStage[]): Iterable<VisibleModelStage> {
  const byLikeness = new Map<Likeness, VisibleModelStage>();
  for (const stage of stages) {
    const likeness = likenessOf(stage);
    if (!byLikeness.has(likeness)) byLikeness.set(likeness, stage);
  }
  return byLikeness.values();
}

function homeOf({ holding }: EngineState): EngineState["role"] {
  return holding.engine.role;
}

function isAway(engine: EngineState): boolean {
  return engine.role !== homeOf(engine);
}
