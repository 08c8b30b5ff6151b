/**
 * First come, first served, but stages of a model that is loaded go before stages that would swap it out: A B C A B C is
 * worked off as A A B B C C. A stage is only ever overtaken by those that became ready soon after it.
 *
 * The queue of llama-swap, a proxy in front of model-swapping servers (github.com/mostlygeek/llama-swap, pull request 784 for
 * the collation, issue 612 for a bound on it). Departures: llama-swap has one place to run and no rule for several, so engines
 * are chosen by earliest finish, as in `greedy-finish`; it bounds nothing yet, so the bound is ours, and it is one on the
 * difference in readiness rather than on the wait: an overloaded queue goes on collating and still starves nobody.
 */

import type { ModelId } from "../model/model.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import { planEarliestFinish } from "./greedy-finish.ts";
import type { Policy, View } from "./policy.ts";
import type { ShardSettings } from "./shards.ts";

export type CollationSettings = ShardSettings & {
  /** A stage may go before one that became ready at most so much earlier. */
  readonly mostOvertakeUs: number;
};

export function createCollatedFifo(settings: CollationSettings): Policy {
  return (view) => ({
    decisions: planEarliestFinish(view, collate(view, settings), { hold: true, mostShards: settings.mostShards }),
  });
}

/**
 * The oldest stage whose model is loaded, unless it may not overtake the oldest stage of all. A model counts as loaded once a
 * stage of it has been taken. Costs a look at every model for each stage.
 */
function collate(view: View, { mostOvertakeUs }: CollationSettings): VisibleModelStage[] {
  const fifo = [...view.ready].sort((left, right) => right.priority - left.priority);
  const lines = toLines(view, fifo);
  const loaded = findLoaded(view);
  return fifo.map(() => {
    const oldest = pickOldest(lines.values());
    const warm = pickOldest([...lines].flatMap(([model, line]) => (loaded.has(model) ? [line] : [])));
    const line = warm !== undefined && oldest !== undefined && mayOvertake(warm, oldest) ? warm : oldest;
    const next = (line as Line).waiting.shift() as Waiting;
    loaded.add(next.stage.model);
    return next.stage;
  });

  function mayOvertake({ waiting: [behind] }: Line, { waiting: [before] }: Line): boolean {
    if (behind === undefined || before === undefined || behind.stage.priority < before.stage.priority) return false;
    return behind.readyUs - before.readyUs <= mostOvertakeUs;
  }
}

type Waiting = { readonly stage: VisibleModelStage; readonly readyUs: number; readonly position: number };

/** The stages of one model, the oldest first. */
type Line = { readonly waiting: Waiting[] };

function toLines(view: View, fifo: readonly VisibleModelStage[]): ReadonlyMap<ModelId, Line> {
  const lines = new Map<ModelId, Line>();
  for (const [position, stage] of fifo.entries()) {
    const line = lines.get(stage.model) ?? { waiting: [] };
    line.waiting.push({ stage, readyUs: view.workflows.node(stage.key).readyUs, position });
    lines.set(stage.model, line);
  }
  return lines;
}

function pickOldest(lines: Iterable<Line>): Line | undefined {
  let oldest: Line | undefined;
  for (const line of lines) {
    const [first] = line.waiting;
    if (first !== undefined && first.position < (oldest?.waiting[0]?.position ?? Infinity)) oldest = line;
  }
  return oldest;
}

/** What engines that are up hold, or will once their queues are worked off. */
function findLoaded({ cluster }: View): Set<ModelId> {
  const loaded = new Set<ModelId>();
  for (const engine of cluster) if (engine.up) for (const { model } of engine.foreseen) loaded.add(model);
  return loaded;
}
