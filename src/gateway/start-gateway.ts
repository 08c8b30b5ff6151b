/** A gateway, whole: its engines, its driver, its HTTP server, and what holds them together. */

import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { keepHouse } from "../store/keep-house.ts";
import { openStore } from "../store/open-store.ts";
import type { Store } from "../store/store.ts";
import { createOtlpExporter, type OtlpExporter } from "../wire/otlp.ts";
import { createSessions } from "./call/sessions.ts";
import { createTenants, type Tenants } from "./call/tenants.ts";
import type { Config, ModelConfig } from "./config/config.ts";
import { createKeyring, type Keyring } from "./config/keys.ts";
import { compareConfigs, type ConfigComparison } from "./config/reload.ts";
import { toCluster } from "./config/to-cluster.ts";
import { createNeighbours } from "./declared/neighbours.ts";
import { createOwnership, type LeasedOwnership } from "./declared/ownership.ts";
import { createDeclared, type Declared } from "./declared/routes.ts";
import { Discovery } from "./discovery.ts";
import { KvWatch } from "./kv-watch.ts";
import { Fleet } from "./fleet.ts";
import { createCalls } from "./http/calls.ts";
import { createCatalogue, type Catalogue } from "./http/catalogue.ts";
import { createJournalStream } from "./http/journal-stream.ts";
import { renderPage } from "../view/render-page.ts";
import { createPageScript } from "../view/page-script.ts";
import type { WhatIf } from "../view/what-if.ts";
import { listen } from "./http/server.ts";
import { createUpstreamCaller } from "./http/upstream-caller.ts";
import { createUpstreams } from "./http/upstreams.ts";
import { createDriver, type LiveDriver } from "./live/create-driver.ts";
import { journalSegments } from "./live/journal-source.ts";
import { createTime } from "./live/time.ts";
import { createLog, type Log } from "./observe/log.ts";
import { createMetrics } from "./observe/metrics.ts";
import { createTraces, type Traces } from "./observe/traces.ts";
import { readPast, recallFrom, type Late } from "./past.ts";
import { joinReplicas } from "./replicas/join.ts";
import type { Replica } from "./replicas/replica.ts";
import { toStatus, type Status } from "./status.ts";

export type GatewayOptions = {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Replays a part of a run under another policy, for the page. The gateway itself knows no simulator. */
  readonly whatIf?: WhatIf;
  /** Takes whole lines of the log. */
  readonly write?: (line: string) => void;
  /** In place of the one that the configuration names. Whoever gives it closes it. */
  readonly store?: Store;
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

/** How often workflows of which nothing is heard are looked for. */
const sweepMs = 1000;
/** How long an engine that leaves may take to end what it runs. */
const leaveMs = 600_000;
/** How long workflows of an earlier process wait for an engine to be there. */
const firstEngineMs = 30_000;
/** Where others could carry workflows out, one is taken up so long after its gateway was last heard of; unless the configuration says. */
const usualLeaseMs = 2000;
/** Where nobody else can, the lease is a formality. */
const loneLeaseMs = 60_000;
/** How often workflows of a gateway that is gone are looked for. */
const looksPerLease = 4;

export async function startGateway(config: Config, options: GatewayOptions = {}): Promise<Gateway> {
  await using cleanUp = new AsyncDisposableStack();
  const env = options.env ?? process.env;
  const log = createLog({
    ...config.log,
    write: options.write ?? ((line) => process.stderr.write(line)),
    nowMs: Date.now,
  });
  const host = new GatewayHost(config, env, log, options);
  cleanUp.use(host);
  await host.start();
  const kept = cleanUp.move();
  return {
    url: host.url,
    port: host.port,
    config: () => host.config,
    driver: host.driver,
    status: () => host.status(),
    reload: (next) => host.reload(next),
    drain: (signal) => host.drain(signal),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

class GatewayHost implements AsyncDisposable {
  config: Config;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #log: Log;
  #store: Store | undefined;
  readonly #whatIf: WhatIf | undefined;
  readonly #stack = new AsyncDisposableStack();
  readonly #fleet: Fleet;
  readonly #kv: KvWatch;
  #driver: LiveDriver | undefined;
  #replica: Replica | undefined;
  #keyring: Keyring;
  #tenants: Tenants;
  #catalogue: Catalogue | undefined;
  #declared: Declared | undefined;
  #discovery: Discovery | undefined;
  #reloading: Promise<unknown> = Promise.resolve();
  /** The epoch of which this gateway is the planner. */
  #plansIn: number | undefined;
  #draining = false;
  #stopListening: () => void = () => {};
  /** Of this process, and of no other. */
  readonly #id = randomBytes(8).toString("hex");
  readonly #time = createTime();
  readonly #anEngine = Promise.withResolvers<void>();
  url = "";
  port = 0;

  constructor(config: Config, env: Readonly<Record<string, string | undefined>>, log: Log, options: GatewayOptions) {
    this.config = config;
    this.#store = options.store;
    this.#whatIf = options.whatIf;
    this.#env = env;
    this.#log = log;
    this.#keyring = createKeyring(config);
    this.#tenants = createTenants(config.tenants);
    this.#kv = new KvWatch({
      log,
      adapter: (engine) => this.driver.desk(engine).adapter,
      onGone: (engine, model, hash) => this.#driver?.prefixGone(engine, model, hash),
    });
    this.#fleet = new Fleet({
      env,
      onUp: (engine) => {
        this.#anEngine.resolve();
        log.info("engine-up", { engine });
        this.#driver?.engineUp(engine);
      },
      onDown: (engine, reason) => {
        log.warn("engine-down", { engine, reason });
        this.#driver?.engineDown(engine);
      },
      onSight: (engine, sight) => {
        this.#driver?.sight(engine, sight);
        this.#noteModels(engine);
      },
    });
  }

  get driver(): LiveDriver {
    if (this.#driver === undefined) throw new Error("the gateway has not started");
    return this.#driver;
  }

  async start(): Promise<void> {
    const { config } = this;
    // What is used last is closed first: the server, then the driver, then what they stand on.
    const store = (this.#store ??= await this.#openStore());
    this.#stack.use(this.#fleet);
    const reading = readPast({ time: this.#time, config, store, fleet: this.#fleet, log: this.#log });
    await this.#fleet.add(config.engines, config);
    const { cluster, models, assumptions } = toCluster(config, this.#fleet.sights());
    for (const assumption of assumptions) this.#log.info("assumed", { what: assumption });
    if (this.#fleet.sights().size > 0) this.#anEngine.resolve();
    const past = await reading;
    const exporter = this.#createExporter();
    const metrics = createMetrics({
      engines: cluster.engines.map(({ id, resident }) => ({ id, resident })),
      sources: {
        journalBytes: () => this.#driver?.journalBytes() ?? 0,
        breakers: () => this.#fleet.breakers(),
        ...(exporter === undefined ? {} : { spans: () => exporter.counts() }),
        ...(config.replicas === undefined ? {} : { replica: () => this.#replica?.status() }),
      },
    });
    const driver = createDriver({
      policy: config.policy,
      seed: config.seed,
      cluster,
      models,
      adapters: this.#fleet.adapters(config),
      queue: config.queue,
      planning: config.planning,
      journal: config.journal,
      ...past.known,
      time: this.#time,
      ...(config.replicas === undefined ? {} : { acts: () => this.#replica?.acts() ?? false }),
      speedOf: (id) => this.#fleet.members.get(id)?.config.speed ?? 1,
      onEvent: metrics.see,
      onPlanned: (where, durationUs) =>
        metrics.plan(
          where === "fallback"
            ? { where: "in-place", durationUs, fallback: "late" }
            : { where: where === "thread" ? "thread" : "in-place", durationUs },
        ),
      onOutcome: (engine, fault) => {
        const health = this.#fleet.members.get(engine)?.health;
        if (fault === undefined) health?.callSucceeded();
        else if (fault.kind !== "rejected") health?.callFailed(fault.message);
      },
      onFault: (what, error) => this.#log.error(`${what}-failed`, { reason: reasonOf(error) }),
    });
    this.#driver = driver;
    this.#stack.use(driver);
    if (past.late !== undefined) this.#plan(store, past.late.epoch, past.late.recall);
    const joined = joinReplicas({
      id: this.#id,
      env: this.#env,
      time: this.#time,
      log: this.#log,
      store,
      driver,
      config: () => this.config,
      onPlans: (epoch) => this.#plan(store, epoch),
    });
    this.#replica = joined?.replica;
    if (joined !== undefined) this.#stack.use(joined.replica);
    this.#keepHouse(store);
    const desk = joined?.replica.driver ?? driver;
    this.#catalogue = createCatalogue(config.models, driver.world.state.cluster);
    const upstreams = createUpstreams({ stallMs: () => this.config.limits.stallMs, connections: 1024 });
    this.#stack.use(upstreams);
    const adapter = (engine: string) => driver.desk(engine).adapter;
    const bootstrapPort = (engine: string) => this.#fleet.members.get(engine)?.config.bootstrapPort;
    const onFault = (error: unknown): void => this.#log.error("request-failed", { reason: reasonOf(error) });
    const traces = exporter === undefined ? undefined : this.#createTraces(exporter);
    const calls = createCalls({
      driver: desk,
      adapter,
      upstreams,
      bootstrapPort,
      sendsPriority: (engine) => this.#fleet.members.get(engine)?.config.sendsPriority ?? false,
      sessions: createSessions(config.identity),
      tenants: () => this.#tenants,
      catalogue: () => this.#catalogue as Catalogue,
      limits: () => this.config.limits,
      tenantPriority: (tenant) => this.config.tenants.find(({ id }) => id === tenant)?.priority ?? 0,
      draining: () => this.#draining,
      onFinished: metrics.call,
      onFault,
      ...(traces === undefined ? {} : { traces }),
      ...(config.engines.some(({ kvEvents }) => kvEvents !== undefined)
        ? { onAnswered: (engine, model, chain, fields) => this.#kv.learn(engine, model, chain, fields) }
        : {}),
    });
    const sweep = setInterval(calls.sweep, sweepMs);
    this.#stack.defer(() => clearInterval(sweep));
    const ownership = this.#createOwnership(store);
    const { replicas } = config;
    const key = this.#env[replicas?.keyEnv ?? ""] ?? "";
    const neighbours = replicas === undefined ? undefined : createNeighbours({ store, owner: this.#id, key });
    if (neighbours !== undefined) this.#stack.use(neighbours);
    this.#declared = createDeclared({
      driver: desk,
      store,
      ownership,
      takeUpEveryMs: leaseMsOf(config) / looksPerLease,
      time: this.#time,
      ...(neighbours === undefined ? {} : { neighbours }),
      caller: createUpstreamCaller({
        adapter,
        upstreams,
        bootstrapPort,
        nowUs: desk.nowUs,
        tenantOf: this.#replica?.driver.tenantOf ?? ((id) => driver.world.state.workflows.open.get(id)?.tenant),
        onFinished: metrics.call,
      }),
      tenants: () => this.#tenants,
      config,
      models: () => this.#models(),
      env: this.#env,
      onTakenUp: (count) => this.#log.info("workflows-taken-up", { count }),
      onFault: (message) => this.#log.error("workflow-failed", { reason: message }),
    });
    this.#stack.use(this.#declared);
    const script = createPageScript();
    const listening = await listen(
      {
        listen: config.listen,
        limits: () => this.config.limits,
        keyring: () => this.#keyring,
        calls,
        declared: () => this.#declared as Declared,
        models: () => this.#catalogue?.list() ?? [],
        metrics: config.metrics ? metrics.render : undefined,
        isReady: () => !this.#draining && [...driver.world.state.cluster].some(({ up }) => up),
        status: () => this.status(),
        page: async () =>
          renderPage(await script(), {
            kind: "gateway",
            open: this.#keyring.open,
            files: [],
            whatIf: this.#whatIf !== undefined,
          }),
        journal: createJournalStream(driver.watch),
        whatIf: this.#whatIf,
        onFault,
      },
      joined?.upgrade,
    );
    this.#stack.use(listening);
    this.url = listening.url;
    this.port = listening.port;
    this.#stopListening = listening.stopListening;
    await ownership.start();
    void this.#recover(this.#declared);
    this.#fleet.watch(config);
    this.#stack.use(this.#kv);
    for (const engine of config.engines) this.#kv.add(engine);
    this.#discovery = new Discovery({
      config,
      onChange: (next) => void this.#enqueue(() => this.#reload(next)),
      onFault: (reason) => this.#log.warn("discovery-failed", { reason }),
    });
    this.#stack.use(this.#discovery);
    this.#log.info("gateway-started", { url: this.url, policy: config.policy, engines: config.engines.length });
  }

  async #openStore(): Promise<Store> {
    const store = await openStore(this.config.store, { env: this.#env, nowMs: () => this.#time.nowUs() / 1000 });
    this.#stack.use(store);
    return store;
  }

  /** The only gateway, or of several the one that plans. */
  #keepHouse(store: Store): void {
    const { keepRuns, keepDays, journalBytes } = this.config.store;
    const house = keepHouse({
      store,
      keepRuns,
      keepDays,
      journalBytes,
      time: this.#time,
      mayKeep: () => this.#replica?.acts() ?? true,
      onFault: (error) => this.#log.warn("store-not-tidied", { reason: reasonOf(error) }),
    });
    this.#stack.use(house);
  }

  #createOwnership(store: Store): LeasedOwnership {
    const { replicas } = this.config;
    const ownership = createOwnership({
      store,
      time: this.#time,
      owner: this.#id,
      address: () => replicas?.url ?? this.url,
      leaseMs: leaseMsOf(this.config),
    });
    this.#stack.use(ownership);
    return ownership;
  }

  /** With what the planner before has learnt, where that is kept: its journal is read before our own begins. */
  #plan(store: Store, epoch: number | undefined, late?: Late["recall"]): void {
    const { driver, config } = this;
    this.#plansIn = epoch;
    driver.journalAs(undefined);
    if (epoch === undefined || config.journal.to !== "store") return;
    const reading = late ?? recallFrom(journalSegments(store), this.#fleet, this.#log);
    void reading.then((recall) => {
      if (this.#plansIn !== epoch) return;
      if (recall !== undefined) driver.recall(recall);
      driver.journalAs(epoch);
    });
  }

  /** Workflows that an earlier process left go on. Without an engine they would fail at once. */
  async #recover(declared: Declared): Promise<void> {
    const { promise: waited, resolve } = Promise.withResolvers<void>();
    const patience = this.#time.after(firstEngineMs, resolve, "unref");
    await Promise.race([this.#anEngine.promise, waited]);
    patience.stop();
    try {
      await declared.recover();
    } catch (error) {
      this.#log.error("workflows-not-taken-up", { reason: reasonOf(error) });
    }
  }

  #createExporter(): OtlpExporter | undefined {
    const { endpoint, headersFromEnv, serviceName } = this.config.traces;
    if (endpoint === undefined) return undefined;
    const headers: Record<string, string> = {};
    for (const [name, variable] of Object.entries(headersFromEnv)) headers[name] = this.#env[variable] ?? "";
    const exporter: OtlpExporter = createOtlpExporter({ endpoint, headers, resource: { "service.name": serviceName } });
    this.#stack.use(exporter);
    return exporter;
  }

  #createTraces(exporter: OtlpExporter): Traces {
    const { ratio } = this.config.traces;
    const originUnixUs = Date.now() * 1000 - this.driver.nowUs();
    return createTraces({ exporter, ratio, originUnixUs, random: Math.random });
  }

  /** All models that can be called now, those too that the configuration does not name. */
  #models(): readonly ModelConfig[] {
    const named = new Map(this.config.models.map((model) => [model.id, model]));
    return (this.#catalogue?.list() ?? []).map(({ id, contextTokens, embeds, expectedTokens }) => {
      const aliases = named.get(id)?.aliases ?? [];
      return {
        ...named.get(id),
        id,
        aliases,
        contextTokens,
        embeds,
        outputTokens: Math.max(1, Math.round(expectedTokens)),
      };
    });
  }

  status(): Status {
    return toStatus(this.config, this.driver, this.#fleet, this.#replica);
  }

  /** An engine that says only now what it serves changes what can be planned. */
  #noteModels(engine: string): void {
    const member = this.#fleet.members.get(engine);
    const known = this.#driver?.world.state.cluster;
    if (member === undefined || known === undefined || member.config.models.length > 0) return;
    const shown = new Set(member.sight?.models);
    const { models } = known.engine(engine).holding.engine;
    if (models?.length === shown.size && models.every((id) => shown.has(id))) return;
    if (shown.size > 0) void this.#enqueue(() => this.#reshape(this.config));
  }

  reload(next: Config): Promise<ConfigComparison> {
    return this.#enqueue(async () => {
      await this.#discovery?.rebase(next);
      return this.#reload(this.#discovery?.whole() ?? next);
    });
  }

  /** One change after another. */
  #enqueue<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#reloading.then(change);
    this.#reloading = done.catch((error: unknown) => this.#log.error("reload-failed", { reason: reasonOf(error) }));
    return done;
  }

  async #reload(asked: Config): Promise<ConfigComparison> {
    const before = this.config;
    const comparison = compareConfigs(before, asked);
    const { next, changes } = comparison;
    for (const { sentence } of changes) this.#log.info("config-changed", { what: sentence });
    this.#keyring = createKeyring(next);
    // Those that stay as they are keep account of what is open.
    if (!isDeepStrictEqual(before.tenants, next.tenants)) this.#tenants = createTenants(next.tenants);
    this.config = next;
    this.driver.configure({ policy: next.policy, queue: next.queue, planning: next.planning });
    const kept = new Set(
      next.engines
        .filter((engine) => isDeepStrictEqual(engine, this.#fleet.members.get(engine.id)?.config))
        .map(({ id }) => id),
    );
    const leaving = [...this.#fleet.members.keys()].filter((id) => !kept.has(id));
    const coming = next.engines.filter(({ id }) => !kept.has(id));
    if (leaving.length + coming.length > 0 || !isDeepStrictEqual(before.models, next.models)) {
      await this.driver.leave(leaving, AbortSignal.timeout(leaveMs));
      await Promise.all(leaving.flatMap((id) => [this.#kv.remove(id), this.#fleet.remove(id)]));
      await this.#fleet.add(coming, next);
      await this.#reshape(next);
      for (const engine of coming) this.#kv.add(engine);
    }
    return comparison;
  }

  async #reshape(config: Config): Promise<void> {
    const { cluster, models, assumptions } = toCluster(config, this.#fleet.sights());
    for (const assumption of assumptions) this.#log.debug("assumed", { what: assumption });
    await this.driver.reshape(cluster, models, this.#fleet.adapters(config));
    this.#catalogue = createCatalogue(config.models, this.driver.world.state.cluster, this.#catalogue);
    this.#fleet.watch(config);
  }

  async drain(signal: AbortSignal): Promise<void> {
    this.#log.info("gateway-draining", { open: this.status().openCalls });
    this.#draining = true;
    this.#stopListening();
    await this.#replica
      ?.stepDown()
      .catch((error: unknown) => this.#log.warn("lease-failed", { reason: reasonOf(error) }));
    // Later stages of what was taken in are calls of their own, which the driver would turn away.
    await this.#declared?.drain(signal);
    await (this.#replica?.driver ?? this.driver).drain(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** How long workflows are a gateway's own after it was last heard of. */
function leaseMsOf({ replicas, store }: Config): number {
  return replicas?.leaseMs ?? (store.kind === "postgres" ? usualLeaseMs : loneLeaseMs);
}
