/** A policy that carries out a plan: each stage on its engines in the plan's order, the next model loaded ahead wherever an engine is idle. */

import type { Decision } from "../model/decision.ts";
import type { ModelId } from "../model/model.ts";
import type { StageKey } from "../model/workflow.ts";
import type { PolicyEntry, View } from "../policy/policy.ts";
import type { EngineState } from "../state/engine-state.ts";
import type { Instance } from "./instance.ts";
import { sequencesOf, type WholePlan } from "./plan.ts";
import { planLoads } from "./residency-plan.ts";

/** What one engine has to do next; `victims` if its model has to be loaded for it. */
type Step = { readonly index: number; readonly model: ModelId; readonly victims: readonly ModelId[] };

/** For a run of this one workflow from the start. Remembers how far it is, so each run needs a follower of its own. */
export function createFollower(instance: Instance, plan: WholePlan): PolicyEntry {
  const { stages, engines, models } = instance;
  const idOf = (model: number): ModelId => models[model] ?? "";
  const steps = sequencesOf(instance, plan).map((sequence, engine) => {
    const spec = engines[engine];
    if (spec === undefined) return [];
    const loads = planLoads(
      spec,
      instance,
      sequence.map((index) => stages[index]?.model ?? 0),
    );
    const victims = new Map(loads.map((load) => [load.at, load.victims]));
    return sequence.map((index, at): Step => ({
      index,
      model: idOf(stages[index]?.model ?? 0),
      victims: (victims.get(at) ?? []).map(idOf),
    }));
  });
  const keyOf = (index: number): StageKey => stages[index]?.stage?.key ?? "";
  return {
    summary: "a plan made beforehand",
    whenIdle: true,
    plan: (view) => ({ decisions: follow(view, plan, steps, keyOf) }),
  };
}

function follow(
  { cluster, ready, workflows }: View,
  plan: WholePlan,
  steps: readonly (readonly Step[])[],
  keyOf: (index: number) => StageKey,
): Decision[] {
  const decisions: Decision[] = [];
  if (workflows.open.size === 0) return decisions;
  const isReady = new Set(ready.map(({ key }) => key));
  const at = steps.map((list) => list.findIndex(({ index }) => isOpen(workflows, keyOf(index))));
  for (let moved = true; moved;) {
    moved = false;
    for (const list of steps) {
      const step = list[at[steps.indexOf(list)] ?? -1];
      if (step === undefined || !isReady.has(keyOf(step.index))) continue;
      const shares = plan.shares[step.index] ?? [];
      if (!shares.every(({ engine }) => steps[engine]?.[at[engine] ?? -1]?.index === step.index)) continue;
      decisions.push({
        kind: "place",
        stage: keyOf(step.index),
        shares: shares.map(({ engine, items }) => ({ engine: cluster.at(engine).id, items })),
        rank: 0,
        victims: [...new Set(shares.flatMap(({ engine }) => steps[engine]?.[at[engine] ?? -1]?.victims ?? []))],
      });
      for (const { engine } of shares) at[engine] = (at[engine] ?? 0) + 1;
      moved = true;
    }
  }
  const taken = new Set(
    decisions.flatMap((each) => (each.kind === "place" ? each.shares.map(({ engine }) => engine) : [])),
  );
  for (const [engine, list] of steps.entries()) {
    const step = list[at[engine] ?? -1];
    const state: EngineState = cluster.at(engine);
    if (step === undefined || !state.idle || taken.has(state.id) || state.isResident(step.model)) continue;
    decisions.push({ kind: "prefetch", engine: state.id, model: step.model, victims: step.victims });
  }
  return decisions;
}

/** Not placed yet. */
function isOpen(workflows: View["workflows"], key: StageKey): boolean {
  if (!workflows.has(key)) return true;
  const { status } = workflows.node(key);
  return status === "waiting" || status === "ready";
}
