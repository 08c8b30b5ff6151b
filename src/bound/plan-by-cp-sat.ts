/**
 * A plan by CP-SAT, from a known one: first with all stages free, for a proof where the workflow is small, then with a window of
 * stages free after another, the others on the engines that they have and free in time alone. The decoder has the last word: a
 * solution counts if it decodes to an earlier end.
 */

import { Decoder, type Decoded } from "./decode-plan.ts";
import { itemStride, type Instance } from "./instance.ts";
import { layOut, type LaidOut, type ShareUs } from "./lay-out.ts";
import type { WholePlan } from "./plan.ts";
import { solvePlanModel } from "./plan-model.ts";
import type { Services } from "./services.ts";

export type CpSatPlan = {
  readonly plan: WholePlan;
  /** Ends earlier than the known plan. */
  readonly improved: boolean;
  /** The known plan is proven the best in the model, or the first solution was and is the plan. */
  readonly optimal: boolean;
};

/** Stages that are free at once; the next window begins half of it later. Measured: 8 and 24 find less. */
const windowStages = 12;
/** Workflows of up to so many windows get the whole limit for a proof. */
const fewWindows = 3;
/** In the solver's own seconds. */
const wholeSeconds = 0.05;
const windowSeconds = 0.02;
/** What a round counts at least, so that rounds end. */
const leastSeconds = 0.002;

type Incumbent = { readonly plan: WholePlan; readonly decoded: Decoded };

/** Ends with its limit, in the solver's own seconds, or once no window of all gave anything. */
export async function planByCpSat(
  instance: Instance,
  services: Services,
  known: WholePlan,
  deterministicSeconds: number,
): Promise<CpSatPlan> {
  const decoder = new Decoder(instance, services);
  const start: Incumbent = { plan: known, decoded: decoder.decode(known) };
  const improve = (from: Incumbent, window: Window | "all", seconds: number) =>
    improveBy(instance, services, decoder, from, window, seconds);
  let best = start;
  let leftSeconds = deterministicSeconds;
  const windows = windowCount(instance);
  // A new plan caches other prompts, so what was the best with the hint's need not be with its own.
  let whole: Improved;
  do {
    whole = await improve(
      best,
      "all",
      Math.min(leftSeconds, windows <= fewWindows ? deterministicSeconds : wholeSeconds),
    );
    ({ best } = whole);
    leftSeconds -= whole.seconds;
  } while (whole.better && whole.optimal && leftSeconds > 0);
  for (let window = 0, idle = 0; !whole.optimal && idle < windows && leftSeconds > 0; window++) {
    const round = await improve(best, window % windows, Math.min(leftSeconds, windowSeconds));
    idle = round.better ? 0 : idle + 1;
    ({ best } = round);
    leftSeconds -= round.seconds;
  }
  return { plan: best.plan, improved: best !== start, optimal: whole.optimal };
}

/** By its place in the order in which stages begin. */
type Window = number;

type Improved = {
  readonly best: Incumbent;
  readonly better: boolean;
  /** Proven the best in the model. */
  readonly optimal: boolean;
  readonly seconds: number;
};

async function improveBy(
  instance: Instance,
  services: Services,
  decoder: Decoder,
  from: Incumbent,
  window: Window | "all",
  limitSeconds: number,
): Promise<Improved> {
  const shareUs = asCachedIn(instance, services, from);
  const laid = layOut(instance, shareUs, from.plan);
  const free = new Set(window === "all" ? instance.stages.keys() : pickWindow(instance, laid, window));
  const { plan, end, ...solved } = await solvePlanModel(instance, shareUs, laid, free, limitSeconds);
  const found = plan && { plan, decoded: decoder.decode(plan) };
  const better = found !== undefined && found.decoded.endUs < from.decoded.endUs;
  return {
    best: better ? found : from,
    better,
    optimal: solved.optimal && (better || end === laid.end),
    seconds: Math.max(leastSeconds, solved.seconds),
  };
}

/** How long shares take if as much of each prompt is cached as in this plan. */
function asCachedIn(
  instance: Instance,
  services: Services,
  { plan: { shares }, decoded: { servicesUs } }: Incumbent,
): ShareUs {
  const aloneUs: ShareUs = (engine, index, items) =>
    services.of(engine, instance.stages[index]?.model ?? 0, [index * itemStride + items])[0] ?? 0;
  const part = shares.map(([first], index) =>
    first === undefined ? 1 : (servicesUs[index] ?? 0) / Math.max(1, aloneUs(first.engine, index, first.items)),
  );
  return (engine, index, items) => (part[index] ?? 1) * aloneUs(engine, index, items);
}

function windowCount({ stages }: Instance): number {
  const count = stages.filter(({ stage }) => stage !== undefined).length;
  return Math.max(1, Math.ceil(count / (windowStages / 2)) - 1);
}

/** Stages that begin one after another. */
function pickWindow({ stages }: Instance, laid: LaidOut, window: Window): readonly number[] {
  const from = window * (windowStages / 2);
  return [...stages.keys()]
    .filter((index) => stages[index]?.stage !== undefined)
    .sort((left, right) => (laid.stages[left]?.begin ?? 0) - (laid.stages[right]?.begin ?? 0) || left - right)
    .slice(from, from + windowStages);
}
