/** What does not change while a cost model lasts, laid out in numbers: engines, pairs of them, ways between hosts, loads. */

import type { CostModel, EngineCosts } from "../../cost/cost-model.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import { sortOf } from "../heft/mean-costs.ts";
import { StageTimes } from "./stage-times.ts";
import { waysOf, type Ways } from "./ways.ts";

/** Pairs that stages may be split over at most. */
const mostPairs = 64;

export class Fleet {
  readonly engines: readonly EngineCosts[];
  readonly hosts: number;
  /** By engine. */
  readonly hostOf: Int32Array;
  readonly memoryBytes: Float64Array;
  readonly mostResidents: Int32Array;
  /** By engine, a number that it shares with those on which every model takes the same time and leaves as much cached. */
  readonly sortOf: Int32Array;
  /** By sort, one engine of it. */
  readonly sorts: readonly EngineCosts[];
  /** By engine: its number, or of a part of an engine that of the first part, and the other parts. They share its places. */
  readonly wholeOf: Int32Array;
  readonly besideOf: readonly (readonly number[])[];
  /** Engines of one host, two by two: the lower one leads. */
  readonly pairs: readonly (readonly [number, number])[];
  readonly models: number;
  /** By engine and model. */
  readonly loadUs: Float64Array;
  readonly footprintBytes: Float64Array;
  readonly kvTokens: Float64Array;
  /** Between its hosts, by their numbers. */
  readonly ways: Ways["ways"];
  readonly wayOf: Ways["wayOf"];
  readonly wayFixedUs: Ways["wayFixedUs"];
  readonly wayUsPerByte: Ways["wayUsPerByte"];
  readonly isWhole: boolean;

  readonly #modelNumbers: ReadonlyMap<string, number>;
  readonly #hostNumbers: ReadonlyMap<string, number>;
  readonly #times = new WeakMap<VisibleModelStage, StageTimes>();

  constructor(costs: CostModel) {
    const { engines } = costs;
    this.engines = engines;
    const hostIds = [...new Set(engines.map(({ host }) => host.id))];
    this.#hostNumbers = new Map(hostIds.map((id, index) => [id, index]));
    this.hosts = hostIds.length;
    this.hostOf = Int32Array.from(engines, ({ host }) => this.hostNumber(host.id));
    this.memoryBytes = Float64Array.from(engines, ({ memoryBytes }) => memoryBytes);
    this.mostResidents = Int32Array.from(engines, ({ engine }) => engine.maxResident);
    const sorts = new Map<string, number>();
    const firsts: EngineCosts[] = [];
    this.sortOf = Int32Array.from(engines, (each) => {
      const { kvBytes, prefixTokens } = each.engine;
      const key = [sortOf(each), kvBytes, prefixTokens].join();
      const sort = sorts.get(key) ?? firsts.push(each) - 1;
      sorts.set(key, sort);
      return sort;
    });
    this.sorts = firsts;
    const numbers = new Map(engines.map(({ engine }, index) => [engine.id, index]));
    this.wholeOf = Int32Array.from(engines, ({ partOf }, index) => numbers.get(partOf ?? "") ?? index);
    const parts = Map.groupBy(engines.keys(), (index) => this.wholeOf[index]!);
    this.besideOf = engines.map((_, index) => parts.get(this.wholeOf[index]!)!.filter((other) => other !== index));
    this.pairs = listPairs(this.hostOf);
    const names = [...costs.models.keys()];
    this.#modelNumbers = new Map(names.map((name, index) => [name, index]));
    this.models = names.length;
    this.loadUs = new Float64Array(engines.length * names.length);
    this.footprintBytes = new Float64Array(engines.length * names.length);
    this.kvTokens = new Float64Array(engines.length * names.length);
    for (const [index, { models }] of engines.entries())
      for (const [number, name] of names.entries()) {
        const held = models.get(name);
        this.loadUs[index * names.length + number] = held?.loadUs ?? Infinity;
        this.footprintBytes[index * names.length + number] = held?.footprintBytes ?? Infinity;
        this.kvTokens[index * names.length + number] = held?.kvCapacityTokens ?? 0;
      }
    const { ways, wayOf, wayFixedUs, wayUsPerByte, isWhole } = waysOf(costs, hostIds);
    this.ways = ways;
    this.wayOf = wayOf;
    this.wayFixedUs = wayFixedUs;
    this.wayUsPerByte = wayUsPerByte;
    this.isWhole = isWhole;
  }

  /** Can what lies on one of the hosts be read on the other? */
  canRead(from: Iterable<number>, to: number): boolean {
    for (const host of from) if (host === to || this.wayOf[host * this.hosts + to]! >= 0) return true;
    return false;
  }

  hostNumber(id: string): number {
    return this.#hostNumbers.get(id) ?? 0;
  }

  modelNumber(id: string): number {
    return this.findModel(id) ?? 0;
  }

  /** Undefined of a model that is no longer served: what was learnt of it, or a stage that calls it, may still be there. */
  findModel(id: string): number | undefined {
    return this.#modelNumbers.get(id);
  }

  /** The same for a stage for as long as nothing about it changes. */
  timesOf(stage: VisibleModelStage): StageTimes {
    let times = this.#times.get(stage);
    if (times === undefined) this.#times.set(stage, (times = new StageTimes(this, stage)));
    return times;
  }
}

const known = new WeakMap<CostModel, Fleet>();

export function fleetOf(costs: CostModel): Fleet {
  let fleet = known.get(costs);
  if (fleet === undefined) known.set(costs, (fleet = new Fleet(costs)));
  return fleet;
}

function listPairs(hostOf: Int32Array): readonly (readonly [number, number])[] {
  const pairs: (readonly [number, number])[] = [];
  for (let left = 0; left < hostOf.length; left++)
    for (let right = left + 1; right < hostOf.length && pairs.length < mostPairs; right++)
      if (hostOf[left] === hostOf[right]) pairs.push([left, right]);
  return pairs;
}
