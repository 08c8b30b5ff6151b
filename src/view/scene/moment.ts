/** The world as a journal tells it, at one record: the state and the costs that the decision after it was made with. */

import { correctCosts } from "../../cost/correct.ts";
import { createCostModel, type CostModel } from "../../cost/cost-model.ts";
import type { JournalHeader } from "../../journal/journal.ts";
import { routeId } from "../../model/cluster.ts";
import type { JournalEvent, PrefixRetain } from "../../model/event.ts";
import { apply, createState, type State } from "../../state/apply.ts";
import type { StageNode } from "../../state/workflow-state.ts";

export type Moment = {
  readonly header: JournalHeader;
  /** As the calibration has it, before any correction. */
  readonly baseCosts: CostModel;
  costs: CostModel;
  readonly state: State;
  nowUs: number;
  /** Of the last record taken in; what comes next is one more. */
  sequence: number;
  /** What is to stay cached longer, which a cache does not tell of itself. */
  retains: PrefixRetain[];
};

export function createMoment(header: JournalHeader): Moment {
  const costs = createCostModel(header.cluster, header.models, header.calibration);
  const sequence = (header.firstSequence ?? 1) - 1;
  return {
    header,
    baseCosts: costs,
    costs,
    state: createState(costs.engines, linksOutputs(header)),
    nowUs: 0,
    sequence,
    retains: [],
  };
}

/** Prompts of real traffic name no outputs: they are text. */
function linksOutputs({ clock }: JournalHeader): boolean {
  return clock !== "wall";
}

/** Takes in the record that comes next. */
export function advance(moment: Moment, event: JournalEvent): void {
  apply(moment.state, event);
  moment.nowUs = event.atUs;
  moment.sequence = event.sequence;
  switch (event.kind) {
    case "cost-correct":
      moment.costs = correctCosts(moment.baseCosts, moment.costs, event.engine, event.model, event);
      return;
    case "prefix-retain":
      moment.retains = [...moment.retains.filter(({ untilUs }) => untilUs > event.atUs), event];
      return;
    case "model-evict":
      moment.retains = moment.retains.filter(({ engine, model }) => engine !== event.engine || model !== event.model);
      return;
    case "engine-down":
    case "role-switch-end":
      moment.retains = moment.retains.filter(({ engine }) => engine !== event.engine);
      return;
    default:
  }
}

/** A moment that goes its own way. Costs what `weigh` says. */
export function copyMoment(moment: Moment): Moment {
  const state = createState(moment.costs.engines, linksOutputs(moment.header));
  copyEngines(moment, state);
  copyWorkflows(moment.state, state);
  return { ...moment, state };
}

/** How many things a copy has to go through: engines, cached links, open stages. */
export function weigh({ state: { cluster, workflows } }: Moment): number {
  let weight = cluster.count;
  for (const engine of cluster) for (const cache of engine.prefixes.values()) weight += cache.size;
  for (const { stages } of workflows.open.values()) weight += 1 + stages.size;
  return weight;
}

function copyEngines(
  { state: { cluster: from }, header: { cluster }, retains, nowUs }: Moment,
  { cluster: to }: State,
): void {
  for (const engine of from) {
    const copy = to.change(engine.id);
    const { up, role, roleSinceUs, switching, slowFactor, residents, loadEndUs, foreseen } = engine;
    const { queuedUs, climbing, overtaking, incoming, kvTokens, nicFreeAtUs } = engine;
    Object.assign(copy, { up, role, roleSinceUs, switching, slowFactor, residents, loadEndUs, foreseen });
    Object.assign(copy, { queuedUs, climbing, overtaking, incoming, kvTokens, nicFreeAtUs });
    copy.queue = [...engine.queue];
    copy.running = [...engine.running];
    for (const [model, cache] of engine.prefixes) copy.changePrefixes(model).restore(cache.list());
  }
  for (const { engine, model, hash, untilUs } of retains)
    if (untilUs > nowUs && to.engine(engine).prefixes.has(model))
      to.change(engine).changePrefixes(model).retain(hash, untilUs);
  const routes = cluster.links.map((link) => routeId("link", link.from, link.to));
  for (const host of cluster.hosts) routes.push(routeId("store", host.id, ""));
  for (const route of routes) {
    const untilUs = from.linkFreeAtUs(route);
    if (untilUs > 0) to.occupyLink(route, untilUs);
  }
}

function copyWorkflows({ workflows: from }: State, { workflows: to }: State): void {
  for (const workflow of from.open.values())
    to.open.set(workflow.id, { ...workflow, stages: new Map(), openStages: 0 });
  const nodes: StageNode[] = [];
  for (const { stages } of from.open.values()) nodes.push(...stages.values());
  // In order of reveal a parent stands before its children.
  nodes.sort((left, right) => left.stage.ordinal - right.stage.ordinal);
  for (const node of nodes) {
    const workflow = to.open.get(node.workflow.id);
    if (workflow === undefined) continue;
    to.reveal(workflow, node.stage);
    const { parentsOpen, status, skipped, readyUs, attempt, shares, sharesLeft, endedUs, outputTokens, outputHosts } =
      node;
    const copy = to.node(node.stage.key);
    Object.assign(copy, {
      parentsOpen,
      status,
      skipped,
      readyUs,
      attempt,
      shares,
      sharesLeft,
      endedUs,
      outputTokens,
      outputHosts,
    });
  }
  for (const workflow of from.open.values()) {
    const copy = to.open.get(workflow.id);
    if (copy !== undefined) copy.openStages = workflow.openStages;
  }
  to.ready.push(...from.ready);
  to.placedCount = from.placedCount;
}
