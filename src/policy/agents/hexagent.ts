/**
 * Serves the call first whose workflow is most at risk of missing its standalone completion horizon, on the pair of a prefill and a
 * decode engine where it is projected to end first.
 *
 * HexAGenT (arXiv 2605.16637), as publicly described. docs/policies.md has each step with its formula, and where we had to choose.
 */

import type { Known } from "../../cost/candidate.ts";
import type { Decision } from "../../model/decision.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { Policy, View } from "../policy.ts";
import type { StageNode } from "../../state/workflow-state.ts";
import { bestTimesOf } from "./best-times.ts";
import { followDemand, type Demand } from "./demand.ts";
import { keepClasses, learn, noHistory, remainingUs, type History } from "./history.ts";
import { lookHome } from "./homes.ts";
import { keyAt, riskUrgency, type Rest, type Urgency } from "./orders.ts";
import { placeProjected, type Projecting } from "./placements.ts";
import { Projection, type Projected } from "./projection.ts";
import { planRedirects } from "./redirect.ts";
import { planRoles } from "./roles.ts";
import type { Tenure } from "./serving.ts";
import type { HexagentSettings, RiskAt, Weighing } from "./settings.ts";
import { createTail } from "./tail.ts";

type Memory = {
  readonly history?: History;
  /** Risk at which calls have been placed, those of late above all. */
  readonly level?: number;
  readonly demand?: Demand;
  /** When roles were last thought about. */
  readonly lookedUs?: number;
  readonly tenures?: readonly Tenure[];
};

/** Over about so many placements the level is averaged, and none counts for more than this: a horizon can be next to nothing. */
const levelSpan = 64;
const mostLevel = 16;

export function createHexagent(settings: HexagentSettings): Policy {
  return (view) => {
    const memory = (view.memory ?? {}) as Memory;
    const history = settings.history === undefined ? noHistory : learn(memory.history ?? noHistory, view, view.ready);
    const { level = 1 } = memory;
    const projection = new Projection(view, settings);
    const { mostBatchUs, tokenPriceUs } = settings.care?.(view, projection.books) ?? {};
    if (mostBatchUs !== undefined) projection.books.mostBatchUs = mostBatchUs;
    const risk = createRisk(view, history, level, settings, settings.turns * projection.books.turnUs());
    const serving = settings.serving?.(view, risk.atBest, memory.tenures);
    projection.books.serving = serving;
    const served = serving === undefined ? view : { ...view, ready: serving.calls };
    // The riskiest ready call first, each on the pair on which it ends first; what it holds there counts for the next.
    const projecting: Projecting = {
      hold: settings.hold,
      ...(settings.overtakes === undefined ? {} : { overtakes: settings.overtakes }),
      ...(settings.rankBy === "best" ? {} : { rankOf: ({ stage }, best) => risk.projected(stage, best) }),
      ...(tokenPriceUs === undefined ? {} : { tokenPriceUs }),
      ...(settings.tail === undefined ? {} : { waits: createTail(view, settings.tail) }),
    };
    const decisions =
      settings.plan?.(served, projection, risk.atBest, projecting, risk.atEnd) ??
      placeProjected(served, projection, risk.atBest, projecting);
    decisions.push(...(serving?.loads ?? []));
    // Prompts that have just been taken in are looked at again before their KV sets out.
    if (settings.redirect && view.cannot?.has("redirect") !== true)
      decisions.push(...planRedirects(view, projection, settings.redirectGain));
    let { demand, lookedUs = -Infinity } = memory;
    if (settings.roles !== undefined && view.cannot?.has("switch-role") !== true) {
      demand = followDemand(demand, view);
      const { bound, returns } = lookHome(view);
      decisions.push(...returns);
      if (returns.length === 0 && view.nowUs - lookedUs >= settings.roles.pauseUs) {
        lookedUs = view.nowUs;
        decisions.push(...planRoles(view, projection.books, demand, settings.roles, bound));
      }
    }
    const kept: Memory = {
      ...(settings.history === undefined ? {} : { history, level: levelAfter(view, level, decisions) }),
      ...(demand === undefined ? {} : { demand, lookedUs }),
      ...(serving === undefined ? {} : { tenures: serving.tenures }),
    };
    return Object.keys(kept).length === 0 ? { decisions } : { decisions, memory: kept };
  };
}

/** What has been learned of classes; which workflows are open, and when engines switched, is of its own process. */
export function keepHistory(memory: unknown): Memory | undefined {
  const history = keepClasses((memory as Partial<Memory> | null | undefined)?.history);
  return history === undefined ? undefined : { history };
}

type Risk = {
  /** Before it is known where the call goes: with what it takes at best. */
  readonly atBest: (known: Known, stage: VisibleModelStage, node: StageNode) => Urgency;
  readonly projected: (stage: VisibleModelStage, projected: Projected) => Urgency;
  readonly atEnd: RiskAt;
};

/**
 * `((t - arrival) + D) / H`, and with a history what is expected to follow on both sides. D has the turn that a call loses if it is not
 * taken now: the shorter a workflow, the more that is of its horizon.
 */
function createRisk(known: Known, history: History, level: number, settings: HexagentSettings, turnUs: number): Risk {
  const weighing = weighingOf(known, history, settings);
  const restOf = (node: StageNode): Rest | undefined => {
    if (weighing === undefined) return undefined;
    const { deviations, slowdown, power } = weighing;
    return { restUs: remainingUs(history, known, node, deviations), slowdown: slowdown * level ** power };
  };
  return {
    atBest: (_known, stage, node) =>
      riskUrgency(known, node, turnUs + bestTimesOf(known.costs).ofUs(stage), restOf(node)),
    projected: (stage, { endUs }) => {
      const node = known.workflows.node(stage.key);
      return riskUrgency(known, node, endUs - known.nowUs, restOf(node));
    },
    atEnd: (node) => {
      const rest = restOf(node);
      const { rank, climb } = riskUrgency(known, node, 0, rest);
      return (endUs) => (climb * endUs) / 1e6 - rank;
    },
  };
}

/** Where classes mix, only while engines are away from their roles: prefill can catch up with what goes first then. */
function weighingOf({ cluster }: Known, { classes }: History, { history }: HexagentSettings): Weighing | undefined {
  if (Object.keys(classes).length <= 1) return history?.oneClass;
  if (history?.classes === undefined) return undefined;
  for (const { role, holding } of cluster) if (role !== holding.engine.role) return history.classes;
  return undefined;
}

/** What is placed is at the level of risk that the cluster can keep up with now. */
function levelAfter(view: View, before: number, decisions: readonly Decision[]): number {
  let level = before;
  for (const decision of decisions) {
    if (decision.kind !== "place") continue;
    const node = view.workflows.node(decision.stage);
    if (node.stage.kind === "tool") continue;
    const risk = -keyAt(riskUrgency(view, node, bestTimesOf(view.costs).ofUs(node.stage)), view.nowUs);
    level += (Math.min(risk, mostLevel) - level) / levelSpan;
  }
  return level;
}
