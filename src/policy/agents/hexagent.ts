/**
 * Serves the call first whose workflow is most at risk of missing its standalone completion horizon, on the pair of a prefill and a
 * decode engine where it is projected to end first.
 *
 * HexAGenT (arXiv 2605.16637), as publicly described. docs/policies.md has each step with its formula, and where we had to choose.
 */

import type { Known } from "../../cost/candidate.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { Policy, View } from "../policy.ts";
import type { StageNode } from "../../state/workflow-state.ts";
import { bestTimesOf } from "./best-times.ts";
import { learn, noHistory, remainingUs, type History } from "./history.ts";
import { riskUrgency, type Rest, type Urgency } from "./orders.ts";
import { placeProjected } from "./placements.ts";
import { Projection, type Projected } from "./projection.ts";
import { planRedirects } from "./redirect.ts";
import { planRoles } from "./roles.ts";
import type { HexagentSettings } from "./settings.ts";
import { createTail } from "./tail.ts";

type Memory = { readonly history?: History; readonly switchedUs?: number };

export function createHexagent(settings: HexagentSettings): Policy {
  return (view) => {
    const memory = (view.memory ?? {}) as Memory;
    const history = settings.history === undefined ? noHistory : learn(memory.history ?? noHistory, view, view.ready);
    const risk = createRisk(history, settings);
    const projection = new Projection(view, settings);
    // The riskiest ready call first, each on the pair on which it ends first; what it holds there counts for the next.
    const decisions = placeProjected(view, projection, risk.atBest, {
      hold: settings.hold,
      ...(settings.overtakes === undefined ? {} : { overtakes: settings.overtakes }),
      ...(settings.rankBy === "best" ? {} : { rankOf: ({ stage }, best) => risk.projected(view, stage, best) }),
      ...(settings.tail === undefined ? {} : { waits: createTail(view, settings.tail) }),
    });
    // Prompts that have just been taken in are looked at again before their KV sets out.
    if (settings.redirect) decisions.push(...planRedirects(view, projection, settings.redirectGain));
    const switches =
      settings.roles === undefined ? [] : planRoles(view, projection.books, settings.roles, memory.switchedUs);
    decisions.push(...switches);
    const switchedUs = switches.length > 0 ? view.nowUs : memory.switchedUs;
    const kept: Memory = {
      ...(settings.history === undefined ? {} : { history }),
      ...(switchedUs === undefined ? {} : { switchedUs }),
    };
    return Object.keys(kept).length === 0 ? { decisions } : { decisions, memory: kept };
  };
}

type Risk = {
  /** Before it is known where the call goes: with what it takes at best. */
  readonly atBest: (known: Known, stage: VisibleModelStage, node: StageNode) => Urgency;
  readonly projected: (view: View, stage: VisibleModelStage, projected: Projected) => Urgency;
};

/** `((t - arrival) + D) / H`, and with a history what is expected to follow on both sides. */
function createRisk(history: History, settings: HexagentSettings): Risk {
  const mixed = Object.keys(history.classes).length > 1;
  const weighing = mixed ? settings.history?.classes : settings.history?.oneClass;
  const restOf = (known: Known, node: StageNode): Rest | undefined => {
    if (weighing === undefined) return undefined;
    const { deviations, slowdown } = weighing;
    return { restUs: remainingUs(history, known, node, deviations), slowdown };
  };
  return {
    atBest: (known, stage, node) => riskUrgency(known, node, bestTimesOf(known.costs).ofUs(stage), restOf(known, node)),
    projected: (view, stage, { endUs }) => {
      const node = view.workflows.node(stage.key);
      return riskUrgency(view, node, endUs - view.nowUs, restOf(view, node));
    },
  };
}
