/**
 * Step 5, dispatch: what the plan begins now is placed; the rest is planned again at the next event. An engine that the plan
 * keeps for a stage that is not ready yet is kept, and loads its model meanwhile.
 */

import type { Decision, Place } from "../../model/decision.ts";
import type { VisibleModelStage, VisibleStage } from "../../model/visible.ts";
import type { EngineState } from "../../state/engine-state.ts";
import { defer } from "../choose.ts";
import { pickEarliestWhole, toPlace } from "../greedy-finish.ts";
import { canBegin, createPicture, foresee, hasPlace, toCandidate, type Candidate } from "../picture.ts";
import type { View } from "../policy.ts";
import type { Forecast } from "./forecast.ts";
import { isHeldElsewhere } from "./last-copies.ts";
import type { FrontierPlan } from "./plan.ts";
import type { FateSettings } from "./settings.ts";

/** Ready stages outside the frontier that are looked at when engines are left over, of those that may go to the same engines. */
const mostBeyond = 64;

export function dispatch(view: View, forecast: Forecast, plan: FrontierPlan, settings: FateSettings): Decision[] {
  const desk = new Desk(view, forecast, settings.reload > 0);
  for (const [position, { stage, ready }] of forecast.frontier.stages.entries()) {
    if (stage.kind === "tool") continue;
    const candidate = toCandidateOf(desk.picture, forecast, stage, position, plan.placements[position] ?? -1);
    if (candidate === undefined) continue;
    if (ready) desk.begin(stage, candidate);
    else desk.keepFor(stage, candidate, settings.prefetch);
  }
  desk.fill(forecast.frontier.beyond);
  return desk.finish();
}

function toCandidateOf(
  picture: View,
  forecast: Forecast,
  stage: VisibleModelStage,
  position: number,
  placement: number,
): Candidate | undefined {
  if (placement === forecast.shards) return forecast.splits[position];
  const index = forecast.engines[placement]?.holding.index;
  return index === undefined ? undefined : toCandidate(picture, stage, picture.cluster.at(index));
}

/** The decisions while they are being made, and a picture in which each has its effect. */
class Desk {
  readonly picture: View;
  readonly #view: View;
  readonly #forecast: Forecast;
  /** Of models that are called as late, those held elsewhere too go first. */
  readonly #keepsLast: boolean;
  readonly #decisions: Decision[] = [];
  readonly #decided = new Set<string>();
  /** Engines that wait for a stage, by its model. */
  readonly #kept = new Map<EngineState["id"], string>();

  constructor(view: View, forecast: Forecast, keepsLast: boolean) {
    this.#view = view;
    this.#forecast = forecast;
    this.#keepsLast = keepsLast;
    this.picture = { ...view, ...createPicture(view) };
  }

  begin(stage: VisibleModelStage, candidate: Candidate): void {
    const now = candidate.shares.every(
      ({ engine }) => this.#isFor(engine, stage) && canBegin(stage, this.picture.cluster.at(engine.holding.index)),
    );
    if (!now) return;
    const place: Place = toPlace(stage, candidate);
    const [share] = candidate.shares;
    const victims = share === undefined ? [] : this.#neededLastFirst(share.engine);
    this.#decisions.push({ ...place, victims });
    this.#decided.add(stage.key);
    foresee(this.picture, stage, candidate);
  }

  /** The engine takes nothing else that would be in the way, and may load the model. */
  keepFor(stage: VisibleModelStage, { shares }: Candidate, prefetch: boolean): void {
    const [share] = shares;
    if (share === undefined) return;
    const engine = this.picture.cluster.at(share.engine.holding.index);
    if (this.#kept.has(engine.id) || !hasPlace(engine)) return;
    this.#kept.set(engine.id, stage.model);
    if (!prefetch || !engine.idle || engine.isResident(stage.model)) return;
    const victims = this.#neededLastFirst(engine);
    this.#decisions.push({ kind: "prefetch", engine: engine.id, model: stage.model, victims });
  }

  #isFor(engine: EngineState, { model }: VisibleModelStage): boolean {
    const kept = this.#kept.get(engine.id);
    return kept === undefined || (engine.holding.engine.batching.kind === "batched" && kept === model);
  }

  #neededLastFirst(engine: EngineState): string[] {
    const awayOf = (model: string): number => this.#forecast.frontier.away.get(model) ?? Infinity;
    const copiesOf = (model: string): number => (this.#keepsLast && isHeldElsewhere(this.#view, model, engine) ? 1 : 0);
    return engine.residents
      .map(({ model }) => ({ model, away: awayOf(model), copies: copiesOf(model) }))
      .sort((left, right) => (left.away === right.away ? right.copies - left.copies : right.away - left.away))
      .map(({ model }) => model);
  }

  /** Gives engines that nothing in the frontier asks for to what lies beyond it. */
  fill(beyond: readonly VisibleStage[]): void {
    const looks = new Map<string, number>();
    for (const stage of beyond) {
      if (stage.kind === "tool") continue;
      const allowed = JSON.stringify(stage.allow) ?? "any";
      const looked = looks.get(allowed) ?? 0;
      if (looked === mostBeyond) continue;
      looks.set(allowed, looked + 1);
      const best = pickEarliestWhole(this.picture, stage);
      if (best !== undefined) this.begin(stage, best);
    }
  }

  finish(): Decision[] {
    const rest = this.#view.ready.filter(({ key }) => !this.#decided.has(key));
    return [...this.#decisions, ...rest.map((stage) => defer(stage, "better-later"))];
  }
}
