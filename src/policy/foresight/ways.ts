/** The ways between hosts as numbers. Observation corrects what engines take, never ways, so they are laid out once for a cluster. */

import type { CostModel } from "../../cost/cost-model.ts";

export type Ways = {
  readonly ways: readonly { readonly id: string; readonly serial: boolean }[];
  /** By host and host: the number of the way, -1 where there is none, and what it takes. */
  readonly wayOf: Int32Array;
  readonly wayFixedUs: Float64Array;
  readonly wayUsPerByte: Float64Array;
  /** From every host there is a way to every other one, so that nobody need ask whether inputs can be read. */
  readonly isWhole: boolean;
};

const known = new WeakMap<CostModel["cluster"], Ways>();

/** `hostIds` are those of the cluster's engines, in their order. Costs a look at each two hosts. */
export function waysOf({ cluster, route }: CostModel, hostIds: readonly string[]): Ways {
  let ways = known.get(cluster);
  if (ways === undefined) known.set(cluster, (ways = layWays(route, hostIds)));
  return ways;
}

function layWays(route: CostModel["route"], hostIds: readonly string[]): Ways {
  const hosts = hostIds.length;
  const numbers = new Map<string, number>();
  const ways: { readonly id: string; readonly serial: boolean }[] = [];
  const wayOf = new Int32Array(hosts * hosts).fill(-1);
  const wayFixedUs = new Float64Array(hosts * hosts);
  const wayUsPerByte = new Float64Array(hosts * hosts);
  let isWhole = true;
  for (const [from, source] of hostIds.entries())
    for (const [to, target] of hostIds.entries()) {
      if (from === to) continue;
      const way = route(source, target);
      if (way === undefined) {
        isWhole = false;
        continue;
      }
      let number = numbers.get(way.id);
      if (number === undefined) {
        number = ways.push({ id: way.id, serial: way.serial }) - 1;
        numbers.set(way.id, number);
      }
      const at = from * hosts + to;
      wayOf[at] = number;
      wayFixedUs[at] = way.latencyUs;
      wayUsPerByte[at] = 1e6 / way.bytesPerSecond;
    }
  return { ways, wayOf, wayFixedUs, wayUsPerByte, isWhole };
}
