/** Wraps a policy so that whatever it must not do stops the run, and looks at journals for workflows given up without need. */

import { strict as assert } from "node:assert";
import { canServe, isFeasible, isReachable, type Known } from "../../src/cost/candidate.ts";
import { check } from "../../src/check/check.ts";
import { createCostModel } from "../../src/cost/cost-model.ts";
import type { Journal } from "../../src/journal/journal.ts";
import type { Decision } from "../../src/model/decision.ts";
import type { PolicyEntry, View } from "../../src/policy/policy.ts";
import { canDecode, handsOver } from "../../src/policy/choose.ts";
import { apply, createState } from "../../src/state/apply.ts";
import type { EngineState } from "../../src/state/engine-state.ts";
import type { VisibleModelStage } from "../../src/model/visible.ts";

/** At one decision in so many all of the view is compared: that costs as much as the simulator and the policy together. */
const portraitShare = 3;

/**
 * The same policy, but its memory goes through JSON, and changing the view or deciding about what is not ready fails. What can
 * be frozen is frozen at every decision. The rest of what a policy sees is compared at the first decision and at every third
 * after it, whatever they are about: a policy that changes its view does so again and again.
 */
export function scrutinise(entry: PolicyEntry): PolicyEntry {
  let asked = 0;
  return {
    ...entry,
    plan: (view) => {
      freeze(view.ready);
      freeze(view.memory);
      const before = asked++ % portraitShare === 0 ? portray(view) : undefined;
      const plan = entry.plan(view);
      if (before !== undefined) assert.equal(portray(view), before, "the policy changed what it was shown");
      assert.equal(findMisplaced(view, plan.decisions), undefined);
      const memory: unknown = plan.memory === undefined ? undefined : JSON.parse(JSON.stringify(plan.memory));
      return { ...plan, memory };
    },
  };
}

/** A sentence about a stage that is decided about twice, or without being ready. */
function findMisplaced(view: View, decisions: readonly Decision[]): string | undefined {
  const ready = new Set(view.ready.map(({ key }) => key));
  for (const decision of decisions) {
    if (decision.kind !== "place" && decision.kind !== "defer") continue;
    if (!ready.delete(decision.stage)) return `${decision.stage} is decided about twice or is not ready`;
  }
  return undefined;
}

function freeze(value: unknown): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const part of Object.values(value)) freeze(part);
}

/** Everything about the view that a policy could have changed. */
function portray({ cluster, workflows, ready }: View): string {
  const engines = [...cluster].map((engine) => ({
    ...engine,
    holding: undefined,
    prefixes: [...engine.prefixes].map(([model, cache]) => [model, cache.tokens, cache.size]),
  }));
  const nodes = [...workflows.open.values()].flatMap((flow) =>
    [...flow.stages.values()].map((node) => ({ ...node, workflow: undefined, children: node.children.length })),
  );
  return JSON.stringify({ engines, nodes, ready, placed: workflows.placedCount });
}

/** Sentences about every law that the run broke, and about workflows that were given up without need. */
export function findAnyFault(journal: Journal): string[] {
  return [...check(journal).map(({ message }) => message), ...findNeedless(journal)];
}

/** Workflows that were given up although something could be done, or for a reason that does not hold. */
function findNeedless({ header, events }: Journal): string[] {
  const costs = createCostModel(header.cluster, header.models, header.calibration);
  const state = createState(costs.engines);
  const faults: string[] = [];
  for (const event of events) {
    if (event.kind === "workflow-abandon") {
      const known: Known = { nowUs: event.atUs, ...state, costs };
      const stuck = [...(state.workflows.open.get(event.workflow)?.stages.values() ?? [])].flatMap(
        ({ status, stage }) => (status === "ready" && stage.kind !== "tool" ? [stage] : []),
      );
      for (const stage of stuck) if (canGoOn(known, stage)) faults.push(`${stage.key} could still be placed`);
      if (!stuck.some((stage) => holds(known, stage, event.reason)))
        faults.push(`${event.workflow} is given up as ${event.reason}, which does not hold`);
    }
    apply(state, event);
  }
  for (const id of state.workflows.open.keys()) faults.push(`${id} neither ended nor was it given up`);
  return faults;
}

function canGoOn(known: Known, stage: VisibleModelStage): boolean {
  return intakeFor(known, stage).some((engine) => isFeasible(known, stage, engine));
}

function holds(known: Known, stage: VisibleModelStage, reason: string): boolean {
  const able = intakeFor(known, stage);
  if (reason === "no-engine") return able.length === 0;
  return reason === "unreachable" && able.length > 0 && !able.some((engine) => isReachable(known, stage, engine));
}

/** Engines that the stage could go to, by the roles they have now: those that only prefill if another one decodes. */
function intakeFor({ cluster }: Known, stage: VisibleModelStage): EngineState[] {
  const engines = [...cluster];
  return engines.filter(
    (engine) =>
      engine.role !== "decode" &&
      canServe(stage, engine) &&
      (!handsOver(stage, engine) || engines.some((decoder) => canDecode(stage, decoder))),
  );
}
