/**
 * Learns how far the cost model is off, per engine, model and term, from observed durations: the median of the last ratios of
 * observed to expected, each weighed by what was expected, up to a bound, so that a few odd ones cannot move it, and how far they
 * spread around it.
 */

import type { EngineId } from "../../model/cluster.ts";
import type { ModelId } from "../../model/model.ts";
import type { CostFactors } from "../../cost/correct.ts";

export type Term = keyof CostFactors;

/** Ratios that are remembered. */
const window = 31;
/** Ratios before anything is believed. */
const least = 3;
/** Once the window is full, a median is taken with every so many ratios only: sorting costs. */
const sparing = 4;
/** What an earlier process has learnt counts as so many ratios: it holds until as many others have been seen. */
const inherited = 8;
/** A ratio counts at most so many times as much as that of middle weight: or else one long prompt would outvote all others. */
const heaviest = 4;
/** A factor is changed when the median has moved this far from it. */
const worthwhile = 0.1;
/** What takes no longer than this either way is mostly the way there and back, and matters to no plan. */
const noiseUs = 10_000;
/** No server is this far from its data sheet: such a ratio says that something else was measured. */
const farthest = 1e4;

export type Learned = CostFactors & {
  /** Half the distance between the quartiles of each, relative to the factor. */
  readonly spread: CostFactors;
  readonly samples: CostFactors;
};

type Sample = { readonly ratio: number; readonly weight: number };
type Track = { readonly samples: Sample[]; next: number; seen: number; factor: number | undefined };

/** Invariant: a track holds the last `window` ratios of its term, in a ring. `factor`: inherited, and not yet among them. */
export class Corrections {
  readonly #tracks = new Map<string, Track>();
  readonly #applied = new Map<string, CostFactors>();
  readonly #initial: (engine: EngineId) => number;

  /** `initial`: the factor to begin with, where an engine is known to be faster or slower than its GPU. */
  constructor(initial: (engine: EngineId) => number = () => 1) {
    this.#initial = initial;
  }

  applied(engine: EngineId, model: ModelId): CostFactors {
    const known = this.#applied.get(key(engine, model));
    if (known !== undefined) return known;
    const factor = this.#initial(engine);
    return { load: factor, prefill: factor, decode: factor };
  }

  /** What an earlier process has learnt. */
  inherit(engine: EngineId, model: ModelId, factors: CostFactors): void {
    const before = this.applied(engine, model);
    this.#applied.set(key(engine, model), factors);
    for (const term of ["load", "prefill", "decode"] as const)
      if (factors[term] !== before[term]) this.#track(engine, model, term).factor = factors[term];
  }

  /** Takes in what was observed against what the uncorrected model expects. Returns the new factors when they have changed enough. */
  observe(
    engine: EngineId,
    model: ModelId,
    term: Term,
    observedUs: number,
    modelledUs: number,
  ): CostFactors | undefined {
    if (!(observedUs > 0) || !(modelledUs > 0)) return undefined;
    if (observedUs < noiseUs && modelledUs * this.applied(engine, model)[term] < noiseUs) return undefined;
    const ratio = observedUs / modelledUs;
    if (ratio > farthest || ratio < 1 / farthest) return undefined;
    const track = this.#track(engine, model, term);
    takeIn(track, modelledUs);
    track.samples[track.next] = { ratio, weight: modelledUs };
    track.next = (track.next + 1) % window;
    track.seen += 1;
    if (track.seen < least || (track.seen > window && track.seen % sparing !== 0)) return undefined;
    const median = quantile(track.samples, 0.5);
    const before = this.applied(engine, model);
    if (Math.abs(median / before[term] - 1) < worthwhile) return undefined;
    const factors = { ...before, [term]: median };
    this.#applied.set(key(engine, model), factors);
    return factors;
  }

  /** What has been learnt of each engine and model. */
  learned(engine: EngineId, model: ModelId): Learned {
    const of = (measure: (track: Track) => number): CostFactors => ({
      load: measure(this.#track(engine, model, "load")),
      prefill: measure(this.#track(engine, model, "prefill")),
      decode: measure(this.#track(engine, model, "decode")),
    });
    const spread = of(({ samples }) =>
      samples.length < least ? 0 : (quantile(samples, 0.75) - quantile(samples, 0.25)) / 2 / quantile(samples, 0.5),
    );
    return { ...this.applied(engine, model), spread, samples: of(({ seen }) => seen) };
  }

  #track(engine: EngineId, model: ModelId, term: Term): Track {
    const name = `${key(engine, model)}\n${term}`;
    let track = this.#tracks.get(name);
    if (track === undefined) this.#tracks.set(name, (track = { samples: [], next: 0, seen: 0, factor: undefined }));
    return track;
  }
}

/** What is inherited, with the weight of what comes first. */
function takeIn(track: Track, weight: number): void {
  if (track.factor === undefined) return;
  if (track.seen === 0)
    track.samples.push(...Array.from({ length: inherited }, () => ({ ratio: Number(track.factor), weight })));
  track.next = track.samples.length % window;
  track.factor = undefined;
}

function key(engine: EngineId, model: ModelId): string {
  return `${engine}\n${model}`;
}

/** The smallest ratio that at least this share of all weight does not exceed. */
function quantile(samples: readonly Sample[], share: number): number {
  const weights = samples.map(({ weight }) => weight).sort((left, right) => left - right);
  const mostWeight = heaviest * (weights[weights.length >> 1] ?? 0);
  const sorted = [...samples].sort((left, right) => left.ratio - right.ratio);
  let total = 0;
  for (const { weight } of sorted) total += Math.min(weight, mostWeight);
  let below = 0;
  for (const { ratio, weight } of sorted) {
    below += Math.min(weight, mostWeight);
    if (below >= share * total) return ratio;
  }
  return 1;
}
