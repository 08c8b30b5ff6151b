/** What the gateway does now, for the first page, `/fate/status`, and whoever wants to look. */

import type { Config } from "./config/config.ts";
import type { Fleet } from "./fleet.ts";
import type { LiveDriver } from "./live/create-driver.ts";
import type { Replica, ReplicaStatus } from "./replicas/replica.ts";

export type Status = {
  readonly policy: string;
  readonly uptimeS: number;
  readonly openCalls: number;
  readonly waitingCalls: number;
  readonly openWorkflows: number;
  readonly journalBytes: number;
  readonly engines: readonly EngineStatus[];
  /** Where there are several gateways. Calls and workflows are this one's; what engines do, only the one that plans knows. */
  readonly replica?: ReplicaStatus;
};

export type EngineStatus = {
  readonly id: string;
  readonly kind: string;
  readonly url: string;
  readonly gpu: string;
  readonly up: boolean;
  readonly trouble?: string;
  readonly models: readonly string[];
  readonly resident: readonly string[];
  readonly loading: readonly string[];
  readonly queued: number;
  readonly running: number;
  readonly maxSequences: number;
  readonly kvTokens: number;
  readonly kvCapacityTokens: number;
  readonly prefixTokens: number;
  /** Observed over modelled, as learnt, of each model that is resident. */
  readonly learned: Readonly<
    Record<string, { readonly load: number; readonly prefill: number; readonly decode: number }>
  >;
};

export function toStatus({ policy, engines }: Config, driver: LiveDriver, fleet: Fleet, replica?: Replica): Status {
  const { state } = driver.world;
  const ledger = replica?.driver;
  return {
    policy,
    uptimeS: Math.round(driver.nowUs() / 1e6),
    openCalls: (ledger ?? driver).open(),
    waitingCalls: (ledger ?? driver).waiting(),
    openWorkflows: ledger?.workflows() ?? state.workflows.open.size,
    journalBytes: driver.journalBytes(),
    engines: engines.flatMap(({ id }) => toEngineStatus(id, driver, fleet) ?? []),
    ...(replica === undefined ? {} : { replica: replica.status() }),
  };
}

function toEngineStatus(id: string, driver: LiveDriver, fleet: Fleet): EngineStatus | undefined {
  const member = fleet.members.get(id);
  const engine = [...driver.world.state.cluster].find((candidate) => candidate.id === id);
  if (member === undefined || engine === undefined) return undefined;
  const { holding, residents } = engine;
  const resident = residents.flatMap(({ model, loading }) => (loading ? [] : [model]));
  let prefixTokens = 0;
  for (const cache of engine.prefixes.values()) prefixTokens += cache.tokens;
  let kvCapacityTokens = 0;
  for (const model of resident) kvCapacityTokens += holding.models.get(model)?.kvCapacityTokens ?? 0;
  return {
    id,
    kind: member.config.kind,
    url: member.url,
    gpu: holding.gpu.id,
    // One that did not answer the first look is planned with until it is looked at again.
    up: engine.up && member.trouble === undefined,
    ...(member.trouble === undefined ? {} : { trouble: member.trouble }),
    models: [...holding.models.keys()],
    resident,
    loading: residents.flatMap(({ model, loading }) => (loading ? [model] : [])),
    queued: engine.queue.length,
    running: engine.running.length,
    maxSequences: holding.engine.batching.maxSequences,
    kvTokens: engine.kvTokens,
    kvCapacityTokens,
    prefixTokens,
    learned: Object.fromEntries(
      resident.map((model) => {
        const { load, prefill, decode } = driver.learned(id, model);
        return [model, { load, prefill, decode }];
      }),
    ),
  };
}
