/** A gateway, whole: its engines, its driver, its HTTP server, and what holds them together. */

import { createPageScript } from "../view/page-script.ts";
import { renderPage } from "../view/render-page.ts";
import type { WhatIf } from "../view/what-if.ts";
import type { Store } from "../store/store.ts";
import { Changes } from "./changes.ts";
import type { Config } from "./config/config.ts";
import { listLacks } from "./config/variables.ts";
import type { ConfigComparison } from "./config/reload.ts";
import type { Declared } from "./declared/routes.ts";
import { EngineSide } from "./engine-side.ts";
import { layGround, reasonOf, type Ground } from "./ground.ts";
import { Group } from "./group.ts";
import type { Calls } from "./http/calls.ts";
import { createJournalStream } from "./http/journal-stream.ts";
import { listen, type Listening } from "./http/server.ts";
import { openKeptStore, tidy } from "./kept-store.ts";
import type { LiveDriver } from "./live/create-driver.ts";
import { countDriver, countFor, createExporter, traceBy } from "./observers.ts";
import type { Metrics } from "./observe/metrics.ts";
import { readPast } from "./past.ts";
import type { Ledger } from "./replicas/ledger.ts";
import type { Replica } from "./replicas/replica.ts";
import { toStatus, type Status } from "./status.ts";
import { goOn, openUpstreams, sweepAgain, takeCalls, takeWorkflows } from "./work.ts";

export type GatewayOptions = {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Replays a part of a run under another policy, for the page. The gateway itself knows no simulator. */
  readonly whatIf?: WhatIf;
  /** Takes whole lines of the log. */
  readonly write?: (line: string) => void;
  /** In place of the one that the configuration names. Whoever gives it closes it. */
  readonly store?: Store;
  /** Ends the wait for a database that is not there yet. */
  readonly signal?: AbortSignal;
};

export type Gateway = AsyncDisposable & {
  readonly url: string;
  readonly port: number;
  readonly config: () => Config;
  readonly driver: LiveDriver;
  readonly status: () => Status;
  /** Goes on with another configuration, as far as that can be without a restart. No call is dropped for it. */
  readonly reload: (config: Config) => Promise<ConfigComparison>;
  /** Takes nothing new and resolves when what is open has ended, or is dropped because the signal says so. */
  readonly drain: (signal: AbortSignal) => Promise<void>;
};

export async function startGateway(config: Config, options: GatewayOptions = {}): Promise<Gateway> {
  const { env = process.env, write = (line) => void process.stderr.write(line), whatIf } = options;
  // What is used last is closed first: the server, then the driver, then what they stand on.
  await using stack = new AsyncDisposableStack();
  const ground = layGround(config, env, write);
  const { log, time, now } = ground;
  for (const { variable, about } of listLacks(config, env)) log.warn("variable-unset", { variable, about });
  const store = options.store ?? stack.use(await openKeptStore(ground, options.signal ?? new AbortController().signal));

  const engines = new EngineSide(ground);
  stack.use(engines.fleet);
  const ending = new AbortController();
  stack.defer(() => ending.abort());
  const [past, met] = await Promise.all([
    readPast({ ...ground, config, store, fleet: engines.fleet, signal: ending.signal }),
    engines.meet(),
  ]);

  const group = new Group(ground, store);
  const exporter = createExporter(ground);
  stack.use(exporter);
  const metrics = countFor(ground, met.cluster, { engines, group, exporter });
  const driver = stack.use(engines.drive(met, { ...past.known, ...countDriver(metrics), acts: group.acts }));
  const replica = stack.use(group.join(engines, past.late));
  stack.use(tidy(store, ground, group.acts));

  const upstreams = stack.use(openUpstreams(ground));
  const traces = exporter && traceBy(exporter, ground, driver);
  const desk = replica?.driver ?? driver;
  const place = { ground, store, engines, group, desk, upstreams, metrics, traces };
  const calls = takeCalls(place);
  stack.use(sweepAgain(calls, time));
  const ownership = stack.use(group.createOwnership(() => listening.url));
  const declared = stack.use(takeWorkflows(place, ownership, stack.use(group.createNeighbours())));

  const status = (): Status => toStatus(now.config, driver, engines.fleet, replica);
  const listening: Listening = stack.use(
    await openDoor(ground, { driver, engines, group, calls, declared, metrics, whatIf, status }),
  );
  await ownership.start();
  void goOn(declared, engines, ground);

  stack.use(engines.kv);
  const changes = stack.use(new Changes(ground, engines));
  engines.watch(() => changes.reshape());
  const { url, port } = listening;
  log.info("gateway-started", { url, policy: config.policy, engines: config.engines.length });

  const kept = stack.move();
  return {
    url,
    port,
    config: () => now.config,
    driver,
    status,
    reload: (next) => changes.reload(next),
    drain: (signal) => drain(ground, { listening, replica, declared, desk, status }, signal),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

type Insides = {
  readonly driver: LiveDriver;
  readonly engines: EngineSide;
  readonly group: Group;
  readonly calls: Calls;
  readonly declared: Declared;
  readonly metrics: Metrics;
  readonly whatIf: WhatIf | undefined;
  readonly status: () => Status;
};

/** Everything that a client can reach. */
function openDoor({ log, now, readBody }: Ground, insides: Insides): Promise<Listening> {
  const { driver, engines, group, calls, declared, metrics, whatIf, status } = insides;
  const script = createPageScript();
  const page = async (): Promise<string> =>
    renderPage(await script(), { kind: "gateway", open: now.keyring.open, files: [], whatIf: whatIf !== undefined });
  return listen(
    {
      listen: now.config.listen,
      limits: () => now.config.limits,
      readBody,
      keyring: () => now.keyring,
      calls,
      declared: () => declared,
      models: () => engines.catalogue.list(),
      metrics: now.config.metrics ? metrics.render : undefined,
      isReady: () => !now.draining && [...driver.world.state.cluster].some(({ up }) => up),
      status,
      page,
      journal: createJournalStream(driver.watch),
      whatIf,
      onFault: (error) => log.error("request-failed", { reason: reasonOf(error) }),
    },
    group.upgrade,
  );
}

type Draining = Pick<Insides, "declared" | "status"> & {
  readonly listening: Listening;
  readonly replica: Replica | undefined;
  readonly desk: LiveDriver | Ledger;
};

async function drain({ log, now }: Ground, insides: Draining, signal: AbortSignal): Promise<void> {
  const { listening, replica, declared, desk, status } = insides;
  log.info("gateway-draining", { open: status().openCalls });
  now.draining = true;
  listening.stopListening();
  await replica?.stepDown().catch((error: unknown) => log.warn("lease-failed", { reason: reasonOf(error) }));
  // Later stages of what was taken in are calls of their own, which the driver would turn away.
  await declared.drain(signal);
  await desk.drain(signal);
}
