/**
 * Divides the engines among the models so that the flow of calls through the cluster is as large as it can be, and deals each
 * model's calls out to its engines in turn, weighted by the flow through them.
 *
 * Y. Mei et al., "Helix: Serving Large Language Models over Heterogeneous GPUs and Network via Max-Flow" (ASPLOS 2025), as publicly
 * described. Departures: the source cuts one model's layers over many machines and finds placement and flow by integer program and
 * max-flow over all pipelines; here an engine holds whole models, each path from source to sink has one engine, and the largest
 * flow is every engine at its throughput, so that only the division among models is left, which is greedy; the source knows its
 * workload, here the division is made anew when a model appears and whenever the work seen has grown by a twentieth; links do not bound
 * the flow; no engine is passed over for being short of KV memory.
 */

import { isFeasible } from "../../cost/candidate.ts";
import type { EngineId } from "../../model/cluster.ts";
import type { ModelId } from "../../model/model.ts";
import { createLoads, feasibleEngines, oldestFirst, placeWhole } from "../choose.ts";
import { createMeanCosts, type MeanCosts } from "../heft/mean-costs.ts";
import type { Policy, View } from "../policy.ts";
import type { MayJoin } from "../with-shards.ts";
import { divideEngines } from "./divide.ts";
import { takeTurn, type Credits } from "./interleave.ts";
import { throughput } from "./throughput.ts";

type Memory = {
  /** The last stage whose work is in the demand, by ordinal. */
  readonly counted: number;
  /** Engine time that all calls of each model seen so far ask for, at mean costs. */
  readonly demandUs: Readonly<Record<ModelId, number>>;
  /** All demand when the engines were divided. */
  readonly dividedUs: number;
  readonly division: Readonly<Record<ModelId, readonly EngineId[]>>;
  readonly credits: Readonly<Record<ModelId, Credits>>;
};

export const helix: Policy = (view) => {
  const known = provide(view);
  const { division } = known;
  const credits: Record<ModelId, Credits> = { ...known.credits };
  const loads = createLoads(view);
  const decisions = oldestFirst(view).map((stage) => {
    const own = (division[stage.model] ?? []).map((id) => view.cluster.engine(id));
    const able = own.filter((engine) => isFeasible(view, stage, engine));
    const engines = able.length > 0 ? able : feasibleEngines(view, stage);
    const flows = engines.map(({ id }) => [id, throughput(view, id, stage.model)] as const);
    const turn = takeTurn(flows, credits[stage.model] ?? {});
    if (turn === undefined) return placeWhole(view, stage, undefined, 0, loads);
    credits[stage.model] = turn.credits;
    return placeWhole(view, stage, view.cluster.engine(turn.id), 0, loads);
  });
  return { decisions, memory: { ...known, credits } satisfies Memory };
};

/** Whether the engine is one of those that the stage's model has got. */
export const joinsIfOwn: MayJoin = ({ id }, { model }, { memory }) =>
  (memory as Memory).division[model]?.includes(id) === true;

/** The demand known grows by this factor from one division to the next. */
const growth = 1.05;

/** With a new division where a model has no place in the old one, or enough more is known of the demand than then. */
function provide(view: View): Memory {
  const remembered = (view.memory ?? { counted: -1, demandUs: {}, dividedUs: 0, division: {}, credits: {} }) as Memory;
  const known = { ...remembered, ...countDemand(view, remembered) };
  let totalUs = 0;
  for (const us of Object.values(known.demandUs)) totalUs += us;
  const lasting = Object.keys(known.demandUs).every((model) => known.division[model] !== undefined);
  if (lasting && totalUs < growth * known.dividedUs) return known;
  return { ...known, dividedUs: totalUs, division: divideEngines(view, known.demandUs, known.division) };
}

/** Adds what has been revealed since. */
function countDemand(view: View, { counted, demandUs }: Memory): Pick<Memory, "counted" | "demandUs"> {
  const grown: Record<ModelId, number> = { ...demandUs };
  let last = counted;
  let means: MeanCosts | undefined;
  for (const { stages } of view.workflows.open.values()) {
    for (const { stage } of stages.values()) {
      if (stage.ordinal <= counted) continue;
      last = Math.max(last, stage.ordinal);
      if (stage.kind === "tool") continue;
      means ??= createMeanCosts(view);
      grown[stage.model] = (grown[stage.model] ?? 0) + means.workUs(stage);
    }
  }
  return { counted: last, demandUs: grown };
}
