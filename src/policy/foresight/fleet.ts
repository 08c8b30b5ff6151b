/** What does not change while a cost model lasts, laid out in numbers: engines, pairs of them, ways between hosts, loads. */

import type { CostModel, EngineCosts } from "../../cost/cost-model.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import { sortOf } from "../heft/mean-costs.ts";
import { StageTimes } from "./stage-times.ts";

/** Pairs that stages may be split over at most. */
const mostPairs = 64;

export class Fleet {
  readonly engines: readonly EngineCosts[];
  readonly hosts: number;
  /** By engine. */
  readonly hostOf: Int32Array;
  readonly memoryBytes: Float64Array;
  readonly mostResidents: Int32Array;
  /** By engine, a number that it shares with those on which every model takes the same time. */
  readonly sortOf: Int32Array;
  /** By sort, one engine of it. */
  readonly sorts: readonly EngineCosts[];
  /** Engines of one host, two by two: the lower one leads. */
  readonly pairs: readonly (readonly [number, number])[];
  readonly models: number;
  /** By engine and model. */
  readonly loadUs: Float64Array;
  readonly footprintBytes: Float64Array;
  readonly kvTokens: Float64Array;
  /** By host and host: the number of the way, -1 where there is none, and what it takes. */
  readonly wayOf: Int32Array;
  readonly wayFixedUs: Float64Array;
  readonly wayUsPerByte: Float64Array;
  readonly ways: readonly { readonly id: string; readonly serial: boolean }[];

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
    const keys = engines.map((each) => `${sortOf(each)},${each.engine.kvBytes ?? ""}`);
    const sorts = [...new Set(keys)];
    this.sortOf = Int32Array.from(keys, (key) => sorts.indexOf(key));
    this.sorts = sorts.map((key) => engines[keys.indexOf(key)]!);
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
    this.wayOf = new Int32Array(this.hosts * this.hosts).fill(-1);
    this.wayFixedUs = new Float64Array(this.hosts * this.hosts);
    this.wayUsPerByte = new Float64Array(this.hosts * this.hosts);
    this.ways = this.#layWays(costs, hostIds);
  }

  #layWays({ route }: CostModel, hostIds: readonly string[]): Fleet["ways"] {
    const ways: { readonly id: string; readonly serial: boolean }[] = [];
    for (const [from, source] of hostIds.entries())
      for (const [to, target] of hostIds.entries()) {
        const way = from === to ? undefined : route(source, target);
        if (way === undefined) continue;
        let number = ways.findIndex(({ id }) => id === way.id);
        if (number < 0) number = ways.push({ id: way.id, serial: way.serial }) - 1;
        const at = from * this.hosts + to;
        this.wayOf[at] = number;
        this.wayFixedUs[at] = way.latencyUs;
        this.wayUsPerByte[at] = 1e6 / way.bytesPerSecond;
      }
    return ways;
  }

  hostNumber(id: string): number {
    return this.#hostNumbers.get(id) ?? 0;
  }

  modelNumber(id: string): number {
    return this.#modelNumbers.get(id) ?? 0;
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
