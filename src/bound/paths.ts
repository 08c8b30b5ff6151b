/**
 * The longest path with what cannot be avoided on it: for every stage and place the earliest that it can begin and end there,
 * and the least that must follow its end. Each parent may have run where that suits this child best, so no plan is earlier.
 */

import { shardUs } from "../cost/shard.ts";
import { canTake, type Places } from "./places.ts";
import type { Cacheable } from "./cacheable.ts";
import { leastShareUs, leastWholeWorkUs } from "./least-times.ts";
import type { TrueStage } from "./true-workflow.ts";

/** A stage on a place: how long a share of all its items or of an `n`th of them takes there at least. Absent: it cannot run there. */
export type AtPlace = {
  readonly wholeUs: number;
  /** Engine time of the whole stage however it is split. */
  readonly workUs: number;
  /** Until the model can be there. */
  readonly loadUs: number;
  /** Engines of the place. */
  readonly engines: number;
  /** How long a share of so many items takes. */
  readonly shareUs: (items: number) => number;
};

/** By stage and place; undefined for stages that are no model calls. */
export type Times = readonly (readonly (AtPlace | undefined)[] | undefined)[];

export type Paths = {
  /** By stage: no share of it begins before, it does not end before, and this much time follows its end at least. */
  readonly headUs: readonly number[];
  readonly endUs: readonly number[];
  readonly tailUs: readonly number[];
  /** The longest path; infinite if some stage can run nowhere. */
  readonly longestUs: number;
};

/** How long at least what must run before or after a stage takes together. */
export type Crowds = {
  /** By the heads of all stages before this one; `pathUs` is what its longest path says. */
  readonly beforeUs: (index: number, headUs: ArrayLike<number>, pathUs: number) => number;
  readonly afterUs: (index: number, tailUs: ArrayLike<number>, pathUs: number) => number;
};

const noCrowds: Crowds = { beforeUs: () => 0, afterUs: () => 0 };

export function toTimes(
  stages: readonly TrueStage[],
  places: Places,
  cacheable: Cacheable,
  { cold, retained }: { readonly cold: boolean; readonly retained: boolean },
): Times {
  return stages.map((node, index) => {
    if (node.kind !== "model") return undefined;
    const { stage } = node;
    const cached = { links: cacheable(index), retained };
    return places.all.map((place) => {
      if (!canTake(place, stage)) return undefined;
      const known = new Map<number, number>();
      const shareUs = (items: number): number => {
        let us = known.get(items);
        if (us === undefined) known.set(items, (us = leastShareUs(place, stage, items, cached)));
        return us;
      };
      const there = !cold || place.resident.has(stage.model);
      return {
        wholeUs: shareUs(stage.items),
        workUs: leastWholeWorkUs(place, stage, cached),
        loadUs: there ? 0 : (place.costs.models.get(stage.model)?.loadUs ?? 0),
        engines: place.count,
        shareUs,
      };
    });
  });
}

export function findPaths(
  stages: readonly TrueStage[],
  places: Places,
  times: Times,
  crowds: Crowds = noCrowds,
): Paths {
  const { headUs, ends } = findHeads(stages, places, times, crowds);
  const { tailUs, tails } = findTails(stages, places, times, crowds);
  let longestUs = 0;
  for (const index of stages.keys()) {
    const through = Array.from(ends[index] ?? [], (endUs, place) => endUs + (tails[index]?.[place] ?? 0));
    longestUs = Math.max(longestUs, Math.min(...through));
  }
  return { headUs, endUs: ends.map((row) => Math.min(...row)), tailUs, longestUs };
}

/** By stage the earliest begin, and by stage and place the earliest end. */
function findHeads(
  stages: readonly TrueStage[],
  places: Places,
  times: Times,
  crowds: Crowds,
): { readonly headUs: readonly number[]; readonly ends: readonly Float64Array[] } {
  const count = places.all.length;
  const headUs = stages.map(() => 0);
  const ends = stages.map(() => new Float64Array(count));
  const fetchUs = (parent: number, to: number, bytes: number, afterUs: number): number => {
    let leastUs = Infinity;
    for (let from = 0; from < count; from++) {
      const thereUs = Math.max(afterUs, ends[parent]?.[from] ?? 0);
      leastUs = Math.min(leastUs, thereUs + places.leastTransferUs(from, to, bytes));
    }
    return leastUs;
  };
  for (const [index, node] of stages.entries()) {
    let readyUs = 0;
    for (const parent of node.parents) readyUs = Math.max(readyUs, Math.min(...(ends[parent.index] as Float64Array)));
    readyUs = Math.max(readyUs, crowds.beforeUs(index, headUs, readyUs));
    if (node.kind !== "model") {
      ends[index]?.fill(readyUs + (node.kind === "tool" ? node.toolUs : 0));
      continue;
    }
    const begins = places.all.map((_, place) => {
      const at = times[index]?.[place];
      if (at === undefined) return Infinity;
      let beginUs = Math.max(readyUs, at.loadUs);
      const afterUs = beginUs;
      for (const { index: parent, bytes } of node.parents) {
        if (stages[parent]?.kind !== "model") continue;
        // A copy that a sibling fetched may lie there already; what nobody else reads is fetched once the engine is this stage's.
        const only = stages[parent].children.length === 1;
        beginUs = Math.max(beginUs, fetchUs(parent, place, bytes, only ? afterUs : 0));
      }
      return beginUs;
    });
    headUs[index] = Math.min(...begins);
    const split = leastSplitEndUs(node.stage.items, times[index] ?? [], begins);
    for (const [place, beginUs] of begins.entries()) {
      const at = times[index]?.[place];
      ends[index]![place] = at === undefined ? Infinity : Math.min(beginUs + at.wholeUs, split);
    }
  }
  return { headUs, ends };
}

/** By stage, and by stage and place, what follows its end at least. */
function findTails(
  stages: readonly TrueStage[],
  places: Places,
  times: Times,
  crowds: Crowds,
): { readonly tailUs: readonly number[]; readonly tails: readonly Float64Array[] } {
  const tailUs = stages.map(() => 0);
  const tails = stages.map(() => new Float64Array(places.all.length));
  for (let index = stages.length - 1; index >= 0; index--) {
    const row = tails[index] as Float64Array;
    for (const place of row.keys())
      for (const child of stages[index]?.children ?? [])
        row[place] = Math.max(row[place] ?? 0, afterChild(stages, places, times, tails, index, child, place));
    const crowdUs = crowds.afterUs(index, tailUs, Math.min(...row));
    for (const place of row.keys()) row[place] = Math.max(crowdUs, row[place] ?? 0);
    tailUs[index] = Math.min(...row);
  }
  return { tailUs, tails };
}

/**
 * The earliest end of a stage that is split, if its places may begin at `beginsUs`: within some time after that, the engines
 * that do most of it must get through all items. Where the shares run says nothing of where the output lies.
 */
export function leastSplitEndUs(
  items: number,
  times: readonly (AtPlace | undefined)[],
  beginsUs: ArrayLike<number>,
): number {
  if (items < 2) return Infinity;
  const able = times.flatMap((at, place) => (at === undefined ? [] : [{ at, beginUs: beginsUs[place] ?? 0 }]));
  const engines = able.reduce((sum, { at }) => sum + at.engines, 0);
  let leastUs = Infinity;
  for (let shards = 2; shards <= Math.min(items, engines); shards++) {
    if (shardUs(shards) >= leastUs) break;
    const atOnceUs = Math.min(...able.map(({ at, beginUs }) => beginUs + at.shareUs(Math.ceil(items / shards))));
    // So much is certain; the search below only matters if it could be the least.
    if (atOnceUs + shardUs(shards) >= leastUs) continue;
    let lowUs = Math.floor(atOnceUs) - 1;
    let highUs = Math.ceil(Math.min(leastUs, ...able.map(({ at, beginUs }) => beginUs + at.shareUs(items))));
    if (!(highUs < Infinity)) continue;
    // Invariant: `lowUs` is too short; the end is at least one more.
    while (highUs - lowUs > 1000) {
      const middleUs = Math.floor((lowUs + highUs) / 2);
      if (itemsWithin(able, middleUs, shards, items) >= items) highUs = middleUs;
      else lowUs = middleUs;
    }
    leastUs = Math.min(leastUs, lowUs + 1 + shardUs(shards));
  }
  return leastUs;
}

type Able = { readonly at: AtPlace; readonly beginUs: number };

/** Items that so many engines can get through by a time, at most. */
function itemsWithin(able: readonly Able[], untilUs: number, shards: number, items: number): number {
  const counts: number[] = [];
  for (const { at, beginUs } of able) {
    const most = mostItems(at, untilUs - beginUs, items);
    for (let engine = 0; engine < at.engines; engine++) counts.push(most);
  }
  counts.sort((left, right) => right - left);
  let sum = 0;
  for (const count of counts.slice(0, shards)) sum += count;
  return sum;
}

function mostItems(at: AtPlace, withinUs: number, items: number): number {
  let low = 0;
  let high = items;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (at.shareUs(middle) <= withinUs) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** What follows at least by way of one child if the output lies at `from`. */
function afterChild(
  stages: readonly TrueStage[],
  places: Places,
  times: Times,
  tails: readonly Float64Array[],
  parent: number,
  child: number,
  from: number,
): number {
  const node = stages[child];
  const tail = tails[child] as Float64Array;
  if (node === undefined || node.kind !== "model") return Math.min(...tail) + (node?.kind === "tool" ? node.toolUs : 0);
  const bytes = stages[parent]?.kind === "model" ? bytesOf(node, parent) : 0;
  let wholeUs = Infinity;
  const at = times[child] ?? [];
  const sentUs = at.map((_, place) => places.leastTransferUs(from, place, bytes));
  for (const [place, there] of at.entries()) {
    if (there !== undefined) wholeUs = Math.min(wholeUs, (sentUs[place] ?? 0) + there.wholeUs + (tail[place] ?? 0));
  }
  return Math.min(wholeUs, leastSplitEndUs(node.stage.items, at, sentUs) + Math.min(...tail));
}

function bytesOf(node: TrueStage, parent: number): number {
  let bytes = 0;
  for (const each of node.parents) if (each.index === parent) bytes = Math.max(bytes, each.bytes);
  return bytes;
}
