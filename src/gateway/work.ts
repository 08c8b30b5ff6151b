/** Those who bring work to a gateway: clients' calls and declared workflows. Both go to whoever plans, and then to the same engines. */

import type { Store } from "../store/store.ts";
import { createSessions } from "./call/sessions.ts";
import type { Neighbours } from "./declared/neighbours.ts";
import type { Ownership } from "./declared/ownership.ts";
import { createDeclared, type Declared } from "./declared/routes.ts";
import type { EngineSide } from "./engine-side.ts";
import { reasonOf, type Ground } from "./ground.ts";
import type { Group } from "./group.ts";
import { createCalls, type Calls } from "./http/calls.ts";
import { createUpstreamCaller } from "./http/upstream-caller.ts";
import { createUpstreams, type Upstreams } from "./http/upstreams.ts";
import type { Driver } from "./live/driver.ts";
import type { Time } from "./live/time.ts";
import type { Metrics } from "./observe/metrics.ts";
import type { Traces } from "./observe/traces.ts";

export type WorkPlace = {
  readonly ground: Ground;
  readonly store: Store;
  readonly engines: EngineSide;
  readonly group: Group;
  /** Where work is brought: to the driver, or to the ledger of one of several gateways. */
  readonly desk: Driver;
  readonly upstreams: Upstreams;
  readonly metrics: Metrics;
  readonly traces: Traces | undefined;
};

/** Connections to each server of an engine. */
const connections = 1024;
/** How often workflows of which nothing is heard are looked for. */
const sweepMs = 1000;
/** How long workflows of an earlier process wait for an engine to be there, before their stages begin to. */
const firstEngineMs = 30_000;

export function openUpstreams({ now }: Ground): Upstreams {
  return createUpstreams({
    stallMs: () => now.config.limits.stallMs,
    answerMs: () => now.config.limits.answerMs,
    connections,
  });
}

export function takeCalls({ ground, engines, desk, upstreams, metrics, traces }: WorkPlace): Calls {
  const { log, now, readBody } = ground;
  const learns = now.config.engines.some(({ kvEvents }) => kvEvents !== undefined);
  return createCalls({
    driver: desk,
    adapter: engines.adapter,
    upstreams,
    bootstrapPort: engines.bootstrapPort,
    sendsPriority: (engine) => engines.member(engine)?.config.sendsPriority ?? false,
    sessions: createSessions(now.config.identity),
    tenants: () => now.tenants,
    catalogue: () => engines.catalogue,
    limits: () => now.config.limits,
    readBody,
    tenantPriority: (tenant) => now.config.tenants.find(({ id }) => id === tenant)?.priority ?? 0,
    draining: () => now.draining,
    onFinished: metrics.call,
    onFault: (error) => log.error("request-failed", { reason: reasonOf(error) }),
    ...(traces === undefined ? {} : { traces }),
    ...(learns ? { onAnswered: (engine, model, chain, fields) => engines.kv.learn(engine, model, chain, fields) } : {}),
  });
}

/** Ends workflows of calls of which nothing is heard any more. */
export function sweepAgain({ sweep }: Calls, time: Time): Disposable {
  const { stop } = time.every(sweepMs, sweep);
  return { [Symbol.dispose]: stop };
}

/** `neighbours` carry out what is not carried out here. */
export function takeWorkflows(place: WorkPlace, ownership: Ownership, neighbours: Neighbours | undefined): Declared {
  const { ground, store, engines, group, desk, upstreams, metrics } = place;
  const { env, time, log, now } = ground;
  const { world } = engines.driver;
  return createDeclared({
    driver: desk,
    store,
    ownership,
    takeUpEveryMs: group.takeUpEveryMs,
    time,
    ...(neighbours === undefined ? {} : { neighbours }),
    caller: createUpstreamCaller({
      adapter: engines.adapter,
      upstreams,
      bootstrapPort: engines.bootstrapPort,
      nowUs: desk.nowUs,
      tenantOf: group.replica?.driver.tenantOf ?? ((id) => world.state.workflows.open.get(id)?.tenant),
      onFinished: metrics.call,
    }),
    tenants: () => now.tenants,
    config: now.config,
    models: engines.models,
    env,
    onTakenUp: (count) => log.info("workflows-taken-up", { count }),
    onFault: (message) => log.error("workflow-failed", { reason: message }),
  });
}

/** Workflows that an earlier process left go on, with an engine there if it comes soon: their stages do not wait for ever. */
export async function goOn(declared: Declared, engines: EngineSide, { log }: Ground): Promise<void> {
  await engines.awaitOne(firstEngineMs);
  try {
    await declared.recover();
  } catch (error) {
    log.error("workflows-not-taken-up", { reason: reasonOf(error) });
  }
}
