/** Ways between hosts as a plan sees them: links as far as locality counts, the store and no way at all as far as reachability does. */

import type { CostModel } from "../../cost/cost-model.ts";
import { transferUs } from "../../cost/transfer.ts";
import type { HostId } from "../../model/cluster.ts";
import type { Dimensions } from "./settings.ts";

const known = new WeakMap<CostModel, Map<string, Routes>>();

/** Ways do not change while a cost model lasts, so they are worked out once. */
export function routesOf(costs: CostModel, dimensions: Dimensions): Routes {
  let byDimensions = known.get(costs);
  if (byDimensions === undefined) known.set(costs, (byDimensions = new Map()));
  const key = `${dimensions.locality} ${dimensions.reachability}`;
  let routes = byDimensions.get(key);
  if (routes === undefined) byDimensions.set(key, (routes = new Routes(costs, dimensions)));
  return routes;
}

export class Routes {
  /** Of each engine, by its position: the number of its host. */
  readonly hostOf: Int32Array;
  readonly #hosts: ReadonlyMap<HostId, number>;
  readonly #fixedUs: Float64Array;
  readonly #perByteUs: Float64Array;

  constructor({ route, engines }: CostModel, { locality, reachability }: Dimensions) {
    const hosts = [...new Set(engines.map(({ host }) => host.id))];
    const count = hosts.length;
    this.#hosts = new Map(hosts.map((host, index) => [host, index]));
    this.hostOf = Int32Array.from(engines, ({ host }) => this.#hosts.get(host.id) ?? 0);
    this.#fixedUs = new Float64Array(count * count);
    this.#perByteUs = new Float64Array(count * count);
    for (const [from, source] of hosts.entries())
      for (const [to, target] of hosts.entries()) {
        if (from === to) continue;
        const way = route(source, target);
        const seen = way?.via === "link" ? locality : reachability;
        if (seen === 0) continue;
        this.#fixedUs[from * count + to] = way === undefined ? Infinity : seen * transferUs(way, 0);
        this.#perByteUs[from * count + to] = way === undefined ? 0 : (seen * 1e6) / way.bytesPerSecond;
      }
  }

  get hostCount(): number {
    return this.#hosts.size;
  }

  between(from: number, to: number, bytes: number): number {
    const at = from * this.#hosts.size + to;
    return (this.#fixedUs[at] ?? 0) + bytes * (this.#perByteUs[at] ?? 0);
  }

  /** From whichever of the hosts is nearest. */
  fromNearest(from: readonly HostId[], to: number, bytes: number): number {
    let leastUs = Infinity;
    for (const host of from) leastUs = Math.min(leastUs, this.between(this.#hosts.get(host) ?? to, to, bytes));
    return leastUs;
  }
}
