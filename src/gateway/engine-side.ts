/**
 * The engines' side of a gateway: its engines, what they show, the driver that plans for them, and the models that can be called
 * there. Engines come and go; what runs on those that stay is not disturbed.
 */

import { isDeepStrictEqual } from "node:util";
import type { EngineId } from "../model/cluster.ts";
import type { Adapter, Sight } from "./adapter/adapter.ts";
import type { Config, ModelConfig } from "./config/config.ts";
import { toCluster, type ClusterAndModels } from "./config/to-cluster.ts";
import { Fleet, type Member } from "./fleet.ts";
import { reasonOf, type Ground } from "./ground.ts";
import { createCatalogue, type Catalogue } from "./http/catalogue.ts";
import { KvWatch } from "./kv-watch.ts";
import { createDriver, type DriverOptions, type LiveDriver } from "./live/create-driver.ts";

/** How long an engine that leaves may take to end what it runs. */
const leaveMs = 600_000;

export class EngineSide {
  readonly fleet: Fleet;
  readonly kv: KvWatch;
  readonly #ground: Ground;
  readonly #anEngine = Promise.withResolvers<void>();
  #driver: LiveDriver | undefined;
  #catalogue: Catalogue | undefined;
  #onOthers: () => void = () => {};

  constructor(ground: Ground) {
    this.#ground = ground;
    const { env, log } = ground;
    this.kv = new KvWatch({
      log,
      adapter: this.adapter,
      onGone: (engine, model, hash) => this.#driver?.prefixGone(engine, model, hash),
    });
    this.fleet = new Fleet({
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
      onSight: (engine, sight) => this.#see(engine, sight),
    });
  }

  get driver(): LiveDriver {
    if (this.#driver === undefined) throw new Error("the gateway has not started");
    return this.#driver;
  }

  get catalogue(): Catalogue {
    if (this.#catalogue === undefined) throw new Error("the gateway has not started");
    return this.#catalogue;
  }

  member = (engine: EngineId): Member | undefined => this.fleet.members.get(engine);

  adapter = (engine: EngineId): Adapter => this.driver.desk(engine).adapter;

  bootstrapPort = (engine: EngineId): number | undefined => this.member(engine)?.config.bootstrapPort;

  /** A first look at each engine; what the configuration comes to with what they showed. */
  async meet(): Promise<ClusterAndModels> {
    const { log, now } = this.#ground;
    await this.fleet.add(now.config.engines, now.config);
    const sights = this.fleet.sights();
    const met = toCluster(now.config, sights);
    for (const assumption of met.assumptions) log.info("assumed", { what: assumption });
    if (sights.size > 0) this.#anEngine.resolve();
    return met;
  }

  /** From now on a driver plans for them. */
  drive(
    { cluster, models }: ClusterAndModels,
    others: Pick<DriverOptions, "recall" | "journalStore" | "acts" | "onEvent" | "onPlanned">,
  ): LiveDriver {
    const { time, log, now } = this.#ground;
    const { policy, seed, queue, planning, journal, models: configs } = now.config;
    const driver = createDriver({
      ...others,
      policy,
      seed,
      cluster,
      models,
      queue,
      planning,
      journal,
      time,
      adapters: this.fleet.adapters(now.config),
      speedOf: (id) => this.member(id)?.config.speed ?? 1,
      troubleWith: this.fleet.troubleWith,
      onOutcome: (engine, fault, call) => {
        const health = this.member(engine)?.health;
        if (fault === undefined) health?.callSucceeded();
        // An engine that takes no connections does so to anybody.
        else if (fault.kind === "unreachable") health?.callFailed(fault.message);
        else if (fault.kind !== "rejected") health?.callFailed(fault.message, call);
      },
      onFault: (what, error) => log.error(`${what}-failed`, { reason: reasonOf(error) }),
    });
    this.#driver = driver;
    this.#catalogue = createCatalogue(configs, driver.world.state.cluster);
    return driver;
  }

  /** Begins to look at them again and again. `onOthers`: some serve other models than is planned with. */
  watch(onOthers: () => void): void {
    this.#onOthers = onOthers;
    const { config } = this.#ground.now;
    this.fleet.watch(config);
    for (const engine of config.engines) this.kv.add(engine);
  }

  /** Resolves when an engine has been there, or after so long without one. */
  async awaitOne(ms: number): Promise<void> {
    const { promise: waited, resolve } = Promise.withResolvers<void>();
    const patience = this.#ground.time.after(ms, resolve, "unref");
    await Promise.race([this.#anEngine.promise, waited]);
    patience.stop();
  }

  /** An engine that says only now what it serves changes what can be planned. */
  #see(engine: EngineId, sight: Sight): void {
    const driver = this.#driver;
    driver?.sight(engine, sight);
    const member = this.member(engine);
    if (member === undefined || driver === undefined || member.config.models.length > 0) return;
    const shown = new Set(member.sight?.models);
    const { models } = driver.world.state.cluster.engine(engine).holding.engine;
    if (models?.length === shown.size && models.every((id) => shown.has(id))) return;
    if (shown.size > 0) this.#onOthers();
  }

  /** Other engines or models, if they are others: who leaves first ends what it runs. */
  async change(before: Config, next: Config): Promise<void> {
    const isKept = (id: EngineId): boolean =>
      next.engines.some((engine) => engine.id === id && isDeepStrictEqual(engine, this.member(id)?.config));
    const leaving = [...this.fleet.members.keys()].filter((id) => !isKept(id));
    const coming = next.engines.filter(({ id }) => !isKept(id));
    if (leaving.length + coming.length === 0 && isDeepStrictEqual(before.models, next.models)) return;
    await this.driver.leave(leaving, AbortSignal.timeout(leaveMs));
    await Promise.all(leaving.flatMap((id) => [this.kv.remove(id), this.fleet.remove(id)]));
    await this.fleet.add(coming, next);
    await this.reshape(next);
    for (const engine of coming) this.kv.add(engine);
  }

  /** The driver goes on with what the engines serve now. */
  async reshape(config: Config): Promise<void> {
    const { cluster, models, assumptions } = toCluster(config, this.fleet.sights());
    for (const assumption of assumptions) this.#ground.log.debug("assumed", { what: assumption });
    await this.driver.reshape(cluster, models, this.fleet.adapters(config));
    this.#catalogue = createCatalogue(config.models, this.driver.world.state.cluster, this.catalogue);
    this.fleet.watch(config);
  }

  /** All models that can be called now, those too that the configuration does not name. */
  models = (): readonly ModelConfig[] => {
    const named = new Map(this.#ground.now.config.models.map((model) => [model.id, model]));
    return this.catalogue.list().map(({ id, contextTokens, embeds, expectedTokens }) => {
      const aliases = named.get(id)?.aliases ?? [];
      const outputTokens = Math.max(1, Math.round(expectedTokens));
      return { ...named.get(id), id, aliases, contextTokens, embeds, outputTokens };
    });
  };
}
