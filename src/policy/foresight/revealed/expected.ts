/**
 * Calls that are likely to come, as one future drawn from history: what open workflows call next, step by step, and workflows that
 * have not arrived. The draws depend on the workflow and its step alone, so that a plan is judged by the same future at the next
 * event, as far as nothing came out otherwise.
 */

import type { ModelId } from "../../../model/model.ts";
import { ownOf } from "../../../model/own.ts";
import { createLuck, seedOf, type Luck } from "../luck.ts";
import type { View } from "../../policy.ts";
import { stepKey, type Followers, type History } from "./history.ts";
import { trailOf } from "./open-trails.ts";

export type ExpectedCall = {
  readonly model: ModelId;
  /** A call that is ready or runs now, or one of these before it; undefined: it is ready at a time. */
  readonly parent?: { readonly key: string } | { readonly position: number };
  /** After the parent has ended, or from now on. */
  readonly gapUs: number;
};

/** Where nothing is known of how long a call takes. */
const usualUs = 10_000_000;
const mostSteps = 12;
const mostExpected = 64;
const mostArrivals = 4 * mostExpected;

export function drawFuture(view: View, history: History, scenario: number, horizonUs: number): readonly ExpectedCall[] {
  const calls: ExpectedCall[] = [];
  // Memory may be older than the fleet.
  const known = new Set(view.costs.engines.flatMap(({ models }) => [...models.keys()]));
  for (const workflow of view.workflows.open.values()) {
    if (calls.length >= mostExpected) return calls;
    const trail = trailOf(history.open, workflow.id);
    if (trail?.model === undefined) continue;
    const luck = createLuck(seedOf(`${workflow.id} ${workflow.stages.size}`, scenario));
    const parent = trail.going.at(-1);
    // What runs outside, as far as it can be seen.
    let leastUs = 0;
    for (const { stage, status, readyUs } of workflow.stages.values())
      if (stage.kind === "tool" && status === "running")
        leastUs = Math.max(leastUs, readyUs + stage.toolUs - view.nowUs, 1);
    const sinceUs = parent === undefined ? view.nowUs - trail.endUs : 0;
    draw(calls, history, luck, trail.class, trail.model, { known, parent, leastUs, sinceUs, horizonUs });
  }
  const { count, firstUs, lastUs } = history.arrivals;
  if (count < 3) return calls;
  const meanUs = Math.max(1, (lastUs - firstUs) / (count - 1));
  // Long after the last one came, none may come any more.
  if (view.nowUs - lastUs > 5 * meanUs) return calls;
  const names = Object.entries(history.classes);
  const all = names.reduce((sum, [, each]) => sum + each, 0);
  const luck = createLuck(seedOf(`arrivals ${count}`, scenario));
  let atUs = Math.max(0, lastUs - view.nowUs - meanUs * Math.log(1 - luck.next()));
  // Of some nothing is expected, however many come.
  for (let drawn = 0; drawn < mostArrivals && atUs < horizonUs && calls.length < mostExpected; drawn++) {
    const name = pick(names, all, luck) ?? "";
    draw(calls, history, luck, name, undefined, { known, parent: undefined, leastUs: atUs, sinceUs: 0, horizonUs });
    atUs -= meanUs * Math.log(1 - luck.next());
  }
  return calls;
}

type From = {
  /** Models that some engine can hold: behind a call of another one nothing is expected. */
  readonly known: ReadonlySet<ModelId>;
  readonly parent: string | undefined;
  /** Nothing comes before that. */
  readonly leastUs: number;
  /** Nothing has come for so long. */
  readonly sinceUs: number;
  readonly horizonUs: number;
};

function draw(
  calls: ExpectedCall[],
  { after }: History,
  luck: Luck,
  name: string,
  from: ModelId | undefined,
  { known, parent, leastUs, sinceUs, horizonUs }: From,
): void {
  let model = from;
  let last: ExpectedCall["parent"] = parent === undefined ? undefined : { key: parent };
  let atUs = leastUs;
  for (let step = 0; step < mostSteps && calls.length < mostExpected; step++) {
    const followers = ownOf(after, stepKey(name, model));
    if (followers === undefined) return;
    // What is known to go on has not ended.
    const next = drawNext(followers, step === 0 && leastUs > 0, luck);
    if (next === undefined || !known.has(next)) return;
    const waited = step === 0 ? sinceUs : 0;
    const gapUs = drawGap(followers, waited, luck);
    if (gapUs === undefined) return;
    const ownUs = step === 0 && leastUs > 0 ? leastUs : Math.max(0, gapUs - waited);
    atUs += step === 0 && leastUs > 0 ? 0 : ownUs;
    if (atUs > horizonUs) return;
    calls.push({ model: next, ...(last === undefined ? {} : { parent: last }), gapUs: ownUs });
    last = { position: calls.length - 1 };
    atUs += usualUs;
    model = next;
  }
}

function drawNext({ next, total, over }: Followers, goesOn: boolean, luck: Luck): ModelId | undefined {
  const all = goesOn ? total - over : total;
  return pick(Object.entries(next), all, luck);
}

/** Undefined for what is left of `total`. */
function pick(counts: readonly (readonly [string, number])[], total: number, luck: Luck): string | undefined {
  let at = luck.next() * total;
  for (const [name, count] of counts) {
    at -= count;
    if (at < 0) return name;
  }
  return undefined;
}

/** One of those that were longer than what has passed. */
function drawGap({ gapsUs }: Followers, sinceUs: number, luck: Luck): number | undefined {
  const longer = gapsUs.filter((gapUs) => gapUs >= sinceUs);
  const at = luck.next();
  return longer[Math.floor(at * longer.length)];
}
