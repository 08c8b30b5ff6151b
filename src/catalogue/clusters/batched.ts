/**
 * Clusters of continuously batching engines: benchmark C. Each engine is a tensor-parallel group on a host of its own;
 * a count in a cluster's description counts engines. A batch takes in up to 8,192 tokens of prompts, whole where prefill and
 * decode are apart and in chunks where they are not, and has 256 places.
 */

import { strict as assert } from "node:assert";
import type { Cluster, Engine, EngineRole } from "../../model/cluster.ts";
import { gpuKinds } from "../gpus.ts";
import { knownModels } from "../models.ts";
import { assemble, batchedEngine, devices, host, linkAll, linkBoth } from "./parts.ts";

/** How many engines of each kind of GPU, as `h200`, `h100`, `a100`. */
type Pool = { readonly h200?: number; readonly h100?: number; readonly a100?: number };

type PairSpec = {
  readonly model: string;
  /** Devices of an engine. */
  readonly degree: number;
  readonly prefill: Pool;
  readonly decode: Pool;
  /** Of the KV memory that the weights leave; all unless said. */
  readonly kvShare?: number;
};

const gpuOf = { h200: "h200-141g", h100: "h100-80g", a100: "a100-80g" } as const;
const nicGBpsOf = { h200: 40, h100: 40, a100: 20 } as const;
const loadGBpsOf = { h200: 12, h100: 12, a100: 8 } as const;
const kinds = ["h200", "h100", "a100"] as const;
const memoryShare = 0.9;
const linkLatencyUs = 50;

const llama = { model: "llama-3.1-70b", degree: 4 };
const qwen = { model: "qwen3-235b-a22b", degree: 8 };

const het3 = { ...llama, prefill: { h100: 6, a100: 6 }, decode: { h200: 2, a100: 2 } };

const pairs: { readonly [id: string]: PairSpec } = {
  homo: { ...llama, prefill: { h100: 8 }, decode: { h100: 8 } },
  het1: { ...llama, prefill: { h200: 2, h100: 3, a100: 3 }, decode: { h200: 3, h100: 2, a100: 3 } },
  het2: { ...llama, prefill: { h100: 4, a100: 6 }, decode: { h200: 4, a100: 4 } },
  het3,
  "het3-kv": { ...het3, kvShare: 0.1 },
  qhom: { ...qwen, prefill: { h100: 4 }, decode: { h100: 4 } },
  qhet: { ...qwen, prefill: { h200: 1, h100: 1, a100: 2 }, decode: { h200: 1, h100: 1, a100: 2 } },
};

/** Prefill and decode apart. */
export const pairClusters: { readonly [id: string]: () => Cluster } = Object.fromEntries(
  Object.entries(pairs).map(([id, spec]) => [id, () => pairCluster(id, spec)]),
);

function pairCluster(id: string, spec: PairSpec): Cluster {
  const groups = [...groupsOf("prefill", spec.prefill), ...groupsOf("decode", spec.decode)];
  return serveOne(id, groups, spec, false);
}

/** Every group serves the same model. Prompts are taken from the queue as the next iteration takes them in. */
function serveOne(
  id: string,
  groups: readonly Group[],
  spec: Pick<PairSpec, "model" | "degree" | "kvShare">,
  chunkedPrefill: boolean,
): Cluster {
  const hosts = groups.map((group) =>
    host({ id: group.id, loadGBps: loadGBpsOf[group.kind], localGBps: 200, nicGBps: nicGBpsOf[group.kind] }),
  );
  const cards = groups.map((group) => devices(group.id, gpuOf[group.kind], spec.degree));
  const engines = groups.map((group, index): Engine =>
    batchedEngine({
      id: group.id,
      devices: (cards[index] ?? []).map((card) => card.id),
      role: group.role,
      batching: {
        kind: "batched",
        maxSequences: 256,
        prefillTokens: 8192,
        chunkedPrefill,
        admission: "by-step",
      },
      models: [spec.model],
      resident: [spec.model],
      memoryShare,
      ...(spec.kvShare === undefined ? {} : { kvBytes: kvBytes(spec, gpuOf[group.kind], spec.kvShare) }),
      labels: [group.kind],
    }),
  );
  return assemble({ id, hosts, devices: cards.flat(), links: linkAll(hosts, 20, linkLatencyUs), engines });
}

/** Eight groups of four H100 and four of four A100 with a 70B model, each of which does both phases: nothing is handed over. */
export function both(): Cluster {
  const groups = groupsOf("both", { h100: 8, a100: 4 }).map((group) => ({
    ...group,
    id: group.id.replace("both-", ""),
  }));
  return serveOne("both", groups, llama, true);
}

type Group = { readonly id: string; readonly role: EngineRole; readonly kind: (typeof kinds)[number] };

/** `prefill-h100-0` and so on, the fastest kind first. */
function groupsOf(role: EngineRole, pool: Pool): readonly Group[] {
  return kinds.flatMap((kind) =>
    Array.from({ length: pool[kind] ?? 0 }, (_, index) => ({ id: `${role}-${kind}-${index}`, role, kind })),
  );
}

function kvBytes(spec: Pick<PairSpec, "model" | "degree">, gpu: string, share: number): number {
  const memoryBytes = gpuKinds.find((kind) => kind.id === gpu)?.memoryBytes;
  const model = knownModels.find((known) => known.id === spec.model);
  assert(memoryBytes !== undefined && model !== undefined, `no ${gpu} or no ${spec.model} in the catalogue`);
  return Math.floor((memoryBytes * spec.degree * memoryShare - model.weightBytes) * share);
}

/** H200 that prefill and H200 that decode, each with one model at a time: what calls more models has to share them. */
export function sharedPairs(name: string, prefill: number, decode: number): Cluster {
  const held = ["llama-3.1-8b", "phi-4-14.7b", "qwen2.5-32b"];
  const groupsOfRole = (role: "prefill" | "decode", count: number) =>
    Array.from({ length: count }, (_, index) => ({ role, index, model: held[index % held.length]! }));
  const groups = [...groupsOfRole("prefill", prefill), ...groupsOfRole("decode", decode)];
  const hosts = groups.map(({ role, index }) =>
    host({ id: `${role}-${index}`, loadGBps: loadGBpsOf.h200, nicGBps: nicGBpsOf.h200 }),
  );
  const cards = hosts.flatMap(({ id }) => devices(id, gpuOf.h200, 1));
  const engines = groups.map(({ role, model }, index): Engine => {
    const { id, host: at } = cards[index]!;
    return batchedEngine({ id: at, devices: [id], role, resident: [model] });
  });
  return assemble({ id: name, hosts, devices: cards, links: linkAll(hosts, 20, linkLatencyUs), engines });
}

/** Four H100 on two hosts, each with an 8B model that does both phases. */
export function batched4(): Cluster {
  const hosts = ["h100-1", "h100-2"].map((id) => host({ id, loadGBps: 12, nicGBps: 40 }));
  const cards = hosts.flatMap((each) => devices(each.id, gpuOf.h100, 2));
  const engines = cards.map((card) =>
    batchedEngine({ id: card.id.replace("-gpu-", "-"), devices: [card.id], resident: ["llama-3.1-8b"] }),
  );
  return assemble({ id: "batched-4", hosts, devices: cards, links: linkAll(hosts, 20, linkLatencyUs), engines });
}

/**
 * Four H100 on two hosts, each with one model at a time of those that `rag` and `map-reduce` call, and an API that holds all of them for
 * good. Each model there has machines of its own, as fast as four H100, and 60 GB of KV memory, more than its calls fill; the provider
 * takes 16 sequences at a time. The way there is an ordinary network: 10 Gbit/s and 10 ms.
 */
export function ownAndApi(): Cluster {
  const called = ["embed-1.2b", "llama-3.1-8b", "qwen2.5-32b"];
  const own = ["h100-1", "h100-2"].map((id) => host({ id, loadGBps: loadGBpsOf.h100, nicGBps: nicGBpsOf.h100 }));
  const api = host({ id: "api", loadGBps: loadGBpsOf.h100, nicGBps: nicGBpsOf.h100 });
  const ownCards = own.flatMap(({ id }) => devices(id, gpuOf.h100, 2));
  const apiCards = devices(api.id, gpuOf.h100, 4);
  const servers = ownCards.map(({ id }, index) =>
    batchedEngine({
      id: id.replace("-gpu-", "-"),
      devices: [id],
      resident: [index % 2 === 0 ? "llama-3.1-8b" : "qwen2.5-32b"],
    }),
  );
  const provider = batchedEngine({
    id: "api",
    devices: apiCards.map(({ id }) => id),
    batching: { kind: "batched", maxSequences: 16, prefillTokens: 8192, chunkedPrefill: true, mixesModels: true },
    models: called,
    resident: called,
    maxResident: called.length,
    kvBytes: 60e9,
    labels: ["api"],
  });
  return assemble({
    id: "own-and-api",
    hosts: [...own, api],
    devices: [...ownCards, ...apiCards],
    links: [...linkAll(own, 20, linkLatencyUs), ...own.flatMap(({ id }) => linkBoth(id, api.id, 1.25, 10_000))],
    engines: [...servers, provider],
  });
}
