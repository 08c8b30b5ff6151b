/** Ways between hosts as a plan sees them: links as far as locality counts, the store and no way at all as far as reachability does. */

import type { CostModel } from "../../cost/cost-model.ts";
import { transferUs } from "../../cost/transfer.ts";
import type { HostId } from "../../model/cluster.ts";
import type { Dimensions } from "./settings.ts";

export class Routes {
  readonly #hosts: ReadonlyMap<HostId, number>;
  readonly #fixedUs: Float64Array;
  readonly #perByteUs: Float64Array;

  constructor({ route }: CostModel, hosts: readonly HostId[], { locality, reachability }: Dimensions) {
    const count = hosts.length;
    this.#hosts = new Map(hosts.map((host, index) => [host, index]));
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
