/**
 * Work over capacity on unlike engines, by prices. Let each place charge a price per microsecond of engine time such that the
 * prices of all engines add up to 1. In a window of D microseconds a plan can then spend no more than D, and it spends at
 * least what its stages cost at the cheapest place each. So whatever the prices, D is at least that sum; a few rounds of
 * multiplicative updates look for prices that make it large. No answer depends on how well they converge.
 *
 * From a cold cluster each model must be loaded wherever it is used. For a set S of places that a model uses, both hold:
 * - the engine time is at least one load at each place of S plus its stages' work at the cheapest of S (with loads once);
 * - an engine that ends within D has only D - load for work after the load, so work w takes up w * D / (D - load).
 */

import type { ModelId } from "../model/model.ts";
import type { Places } from "./places.ts";

/** A stage's engine time by place; infinite where it cannot run. */
export type Work = { readonly model: ModelId; readonly workUs: readonly number[] };

export type Loads = {
  /** By place; how long a load of the model takes, 0 where it is resident from the start. */
  readonly loadUs: (model: ModelId) => readonly number[];
};

/** At so many places all sets of them are looked at; beyond, a model pays for its cheapest load alone. */
const mostPlaces = 5;

/** A length of time within which the work cannot be done in less: a bound at every number of rounds. `extraUs`: at the cheapest place. */
export function leastSpanUs(
  work: readonly Work[],
  places: Places,
  loads: Loads | undefined,
  atLeastUs: number,
  rounds: number,
): number {
  const counts = places.all.map((place) => place.count);
  const groups = [...Map.groupBy(work, ({ model }) => model)].map(([model, members]) => ({
    members: toTable(members, counts.length),
    loadUs: loads?.loadUs(model),
  }));
  const shares = counts.map((count) => count / places.engineCount);
  let provenUs = 0;
  // Beyond what is proven, and brought back towards it when it fails.
  let triedUs = Math.max(1, atLeastUs);
  for (let round = 0; round < rounds; round++) {
    const prices = Float64Array.from(shares, (share, place) => share / (counts[place] ?? 1));
    const spent = new Float64Array(counts.length);
    let spentUs = 0;
    for (const group of groups) spentUs += spendOn(group.members, group.loadUs, prices, triedUs, spent);
    // Without loads what is spent does not depend on the span, so that it is proven as it is.
    if (loads === undefined) provenUs = Math.max(provenUs, spentUs);
    else if (spentUs >= triedUs) provenUs = Math.max(provenUs, triedUs);
    if (spentUs === Infinity) {
      // Shorter than some load.
      triedUs *= 1.5;
      continue;
    }
    triedUs = Math.max(1, provenUs * 1.0005, (Math.max(provenUs, spentUs >= triedUs ? triedUs : 0) + spentUs) / 2);
    const rate = 1.5 / Math.sqrt(round + 1);
    let total = 0;
    let most = 0;
    for (const [place, us] of spent.entries()) most = Math.max(most, us / (counts[place] ?? 1));
    if (most === 0) break;
    for (const [place, us] of spent.entries()) {
      const next = Math.max(1e-9, (shares[place] ?? 0) * Math.exp((rate * us) / (counts[place] ?? 1) / most));
      shares[place] = next;
      total += next;
    }
    for (const place of shares.keys()) shares[place] = (shares[place] ?? 0) / total;
  }
  return provenUs === Infinity ? Infinity : Math.max(0, Math.floor(provenUs - 1e-6 * provenUs));
}

/** What `leastSpanUs` is no more than without loads: the span of one plan, in which each stage in turn ends first where it is. */
export function plannedSpanUs(work: readonly Work[], places: Places): number {
  const spent = new Float64Array(places.all.length);
  let spanUs = 0;
  for (const { workUs } of work) {
    let endUs = Infinity;
    let at = -1;
    for (const [place, { count }] of places.all.entries()) {
      const us = (spent[place]! + (workUs[place] ?? Infinity)) / count;
      if (us >= endUs) continue;
      endUs = us;
      at = place;
    }
    if (at < 0) return Infinity;
    spent[at] = spent[at]! + workUs[at]!;
    spanUs = Math.max(spanUs, endUs);
  }
  return spanUs;
}

/** By stage and place, one after another: a model's engine times, in the order of its stages. */
type Table = Float64Array;

function toTable(members: readonly Work[], places: number): Table {
  const table = new Float64Array(members.length * places).fill(Infinity);
  for (const [index, { workUs }] of members.entries()) table.set(workUs.slice(0, places), index * places);
  return table;
}

/** What a model's stages cost at least; adds their engine time, where it would be spent, to `spent`. */
function spendOn(
  members: Table,
  loadUs: readonly number[] | undefined,
  prices: Float64Array,
  spanUs: number,
  spent: Float64Array,
): number {
  const { all, plain } = knownPlaces(prices.length);
  if (loadUs === undefined) return spendIn(members, all, plain, prices, spent);
  const stretch = prices.map((_, place) => {
    const leftUs = spanUs - (loadUs[place] ?? 0);
    return leftUs > 0 ? spanUs / leftUs : Infinity;
  });
  const stretched = spendIn(members, all, stretch, prices, undefined);
  const sets = prices.length <= mostPlaces ? subsets(prices.length) : undefined;
  let once = Infinity;
  let best: readonly number[] | undefined;
  if (sets === undefined) {
    once =
      spendIn(members, all, plain, prices, undefined) +
      Math.min(...all.map((place) => loadCost(place, loadUs, prices)));
    best = all;
  } else {
    const sums = sumBySet(members, prices);
    for (const [set, chosen] of sets.entries()) {
      let cost = sums[set + 1] ?? Infinity;
      for (const place of chosen) cost += loadCost(place, loadUs, prices);
      if (cost < once) [once, best] = [cost, chosen];
    }
  }
  if (stretched > once) {
    spendIn(members, all, stretch, prices, spent);
    return stretched;
  }
  if (best !== undefined && once < Infinity) {
    spendIn(members, best, plain, prices, spent);
    if (sets !== undefined) for (const place of best) spent[place] = (spent[place] ?? 0) + (loadUs[place] ?? 0);
  }
  return once;
}

function loadCost(place: number, loadUs: readonly number[], prices: Float64Array): number {
  return (loadUs[place] ?? 0) * (prices[place] ?? 0);
}

/** The sum over stages of the cheapest place chosen; where that is, their time is added to `spent`. This is where bounds spend theirs. */
function spendIn(
  members: Table,
  chosen: readonly number[],
  stretch: Float64Array,
  prices: Float64Array,
  spent: Float64Array | undefined,
): number {
  const places = prices.length;
  let sum = 0;
  for (let row = 0; row < members.length; row += places) {
    let least = Infinity;
    let at = -1;
    for (let index = 0; index < chosen.length; index++) {
      const place = chosen[index]!;
      const cost = members[row + place]! * stretch[place]! * prices[place]!;
      // No work in no time that is left is no number, and not less.
      if (!(cost < least)) continue;
      least = cost;
      at = place;
    }
    sum += least;
    if (spent !== undefined && at >= 0) spent[at] = spent[at]! + members[row + at]! * stretch[at]!;
  }
  return sum;
}

/** By bit set of places: the sum over stages of the cheapest place in it. */
function sumBySet(members: Table, prices: Float64Array): Float64Array {
  const places = prices.length;
  const size = 1 << places;
  const sums = new Float64Array(size);
  const least = new Float64Array(size).fill(Infinity);
  for (let row = 0; row < members.length; row += places) {
    for (let set = 1; set < size; set++) {
      const low = 31 - Math.clz32(set & -set);
      const cost = members[row + low]! * prices[low]!;
      const cheapest = Math.min(least[set & (set - 1)]!, cost);
      least[set] = cheapest;
      sums[set] = sums[set]! + cheapest;
    }
  }
  return sums;
}

const placesOf = new Map<number, { readonly all: readonly number[]; readonly plain: Float64Array }>();

/** Every one of so many places, and that none stretches work. */
function knownPlaces(count: number): { readonly all: readonly number[]; readonly plain: Float64Array } {
  let found = placesOf.get(count);
  if (found === undefined) {
    found = { all: Array.from({ length: count }, (_, place) => place), plain: new Float64Array(count).fill(1) };
    placesOf.set(count, found);
  }
  return found;
}

const knownSubsets = new Map<number, readonly (readonly number[])[]>();

/** All but the empty one; the set with bits b stands at b - 1. */
function subsets(count: number): readonly (readonly number[])[] {
  let found = knownSubsets.get(count);
  if (found === undefined) {
    found = Array.from({ length: (1 << count) - 1 }, (_, index) =>
      Array.from({ length: count }, (_unused, place) => place).filter((place) => (((index + 1) >> place) & 1) === 1),
    );
    knownSubsets.set(count, found);
  }
  return found;
}
