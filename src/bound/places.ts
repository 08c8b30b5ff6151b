/**
 * Where stages can run, in as few kinds as bounds allow: engines of one host that are equally fast and equally filled at the
 * start are one place, counted. And what at least it takes to bring bytes from place to place, whatever copies lie on the way.
 */

import type { CostModel, EngineCosts } from "../cost/cost-model.ts";
import { countBatches } from "../measure/best-case.ts";
import type { HostId } from "../model/cluster.ts";
import type { ModelId } from "../model/model.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import { shareWork } from "../cost/share-work.ts";

export type Place = {
  /** One of its engines, which stands for all. */
  readonly costs: EngineCosts;
  readonly ids: ReadonlySet<string>;
  /** Engines. */
  readonly count: number;
  readonly resident: ReadonlySet<ModelId>;
};

export type Places = {
  readonly all: readonly Place[];
  /** All engines run one share at a time and do both phases: only then costs by place hold. */
  readonly exclusive: boolean;
  readonly engineCount: number;
  /** Batches that can run at a time: more than engines where they mix models. */
  readonly batchCount: number;
  /** No transfer of so many bytes between these places, by position, is shorter; infinite where no way leads. */
  readonly leastTransferUs: (from: number, to: number, bytes: number) => number;
};

/** Beyond so many hosts, places are told apart by speed alone and nothing takes time on the way. */
const mostHosts = 8;

export function toPlaces(costs: CostModel): Places {
  const hosts = [...new Set(costs.engines.map(({ host }) => host.id))];
  const far = hosts.length <= mostHosts;
  const groups = Map.groupBy(costs.engines, (engine) => toKey(engine, far));
  const all = [...groups.values()].map((engines): Place => {
    const [first] = engines as [EngineCosts];
    return {
      costs: first,
      ids: new Set(engines.map(({ engine }) => engine.id)),
      count: engines.length,
      resident: new Set(first.engine.resident),
    };
  });
  const exclusive = costs.engines.every(({ engine }) => engine.batching.kind === "exclusive" && engine.role === "both");
  const ways = far ? leastWays(costs, hosts) : undefined;
  const hostOf = all.map((place) => hosts.indexOf(place.costs.host.id));
  return {
    all,
    exclusive,
    engineCount: costs.engines.length,
    batchCount: countBatches(costs),
    leastTransferUs: (from, to, bytes) => {
      const way = ways?.[hostOf[from] ?? 0]?.[hostOf[to] ?? 0];
      return way === undefined ? 0 : Math.max(0, Math.floor(way.latencyUs + bytes * way.usPerByte));
    },
  };
}

function toKey({ engine, gpu, host, memoryBytes, models }: EngineCosts, withHost: boolean): string {
  const { role, batching, labels, devices, kvBytes, resident, maxResident, prefixTokens } = engine;
  const { id, zone, ...speeds } = host;
  return JSON.stringify([
    gpu.id,
    devices.length,
    role,
    batching,
    labels,
    speeds,
    memoryBytes,
    [kvBytes, maxResident, prefixTokens],
    resident,
    [...models.keys()],
    withHost ? [id, zone] : [],
  ]);
}

type Way = { readonly latencyUs: number; readonly usPerByte: number };

/**
 * Least latency and least time per byte from host to host over any number of hosts between, since a sibling may have
 * fetched a copy on the way. Each hop rounds once, by half a microsecond at most.
 */
function leastWays(costs: CostModel, hosts: readonly HostId[]): Way[][] {
  const ways = hosts.map((from) =>
    hosts.map((to): Way => {
      if (from === to) return { latencyUs: 0, usPerByte: 0 };
      const route = costs.route(from, to);
      if (route === undefined) return { latencyUs: Infinity, usPerByte: 0 };
      return { latencyUs: route.latencyUs - 0.5, usPerByte: 1e6 / route.bytesPerSecond };
    }),
  );
  for (const middle of hosts.keys()) {
    for (const row of ways) {
      for (const to of hosts.keys()) {
        const direct = row[to] as Way;
        const first = row[middle] as Way;
        const second = ways[middle]?.[to] as Way;
        const latencyUs = first.latencyUs + second.latencyUs;
        if (latencyUs === Infinity) continue;
        row[to] =
          direct.latencyUs === Infinity
            ? { latencyUs, usPerByte: first.usPerByte + second.usPerByte }
            : {
                latencyUs: Math.min(direct.latencyUs, latencyUs),
                usPerByte: Math.min(direct.usPerByte, first.usPerByte + second.usPerByte),
              };
      }
    }
  }
  return ways;
}

/** Allowed on some engine of the place, and with KV memory for the longest answer. */
export function canTake({ costs, ids }: Place, stage: VisibleModelStage): boolean {
  const held = costs.models.get(stage.model);
  if (held === undefined) return false;
  if (stage.allow?.engines?.some((id) => ids.has(id)) === false) return false;
  if (stage.allow?.labels?.every((label) => costs.engine.labels.includes(label)) === false) return false;
  return shareWork(stage, 1, 1, stage.limitTokens).kvTokens <= held.kvCapacityTokens;
}
