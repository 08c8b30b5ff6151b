/** Which gateways of the group are there, and which of them plans, as their leases in the store say. */

import { ownerPrefix, plannerLease } from "../../../store/lease-names.ts";
import type { Lease } from "../../../store/store.ts";
import type { Config } from "../config.ts";
import { finding, showCount, type Finding } from "./finding.ts";
import type { Surroundings } from "./surroundings.ts";

export async function inspectReplicas(
  { replicas, store }: Config,
  { listLeases }: Pick<Surroundings, "listLeases">,
): Promise<readonly Finding[]> {
  if (replicas === undefined || listLeases === undefined) return [];
  let leases: readonly Lease[];
  try {
    leases = (await listLeases(store)).filter(({ leftMs }) => leftMs > 0);
  } catch {
    // What is wrong with the store is told where the store is looked at.
    return [finding("note", "replicas", "it cannot be seen which gateways run")];
  }
  const gateways = leases.filter(({ name }) => name.startsWith(ownerPrefix));
  const planner = leases.find(({ name }) => name === plannerLease);
  if (gateways.length === 0 && planner === undefined)
    return [finding("note", "replicas", "no gateway of the group runs")];
  const running = `${showCount(gateways.length, "gateway runs", "gateways run")} (${gateways.map(({ address }) => address).join(", ")})`;
  if (planner === undefined) return [finding("warning", "replicas", `${running}, none of them plans`)];
  return [finding("fine", "replicas", `${running}, planner ${planner.address}, epoch ${planner.epoch}`)];
}
