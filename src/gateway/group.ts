/**
 * A gateway among those over one store: whether it is the one that plans, with what the planner before it has learnt, by what right
 * it carries workflows out, and how it reaches those that carry out others. Alone it is the group.
 */

import { hostname } from "node:os";
import type { Store } from "../store/store.ts";
import type { Config } from "./config/config.ts";
import { createNeighbours, type Neighbours } from "./declared/neighbours.ts";
import { createOwnership, type LeasedOwnership } from "./declared/ownership.ts";
import type { Ground } from "./ground.ts";
import type { Upgrade } from "./http/server.ts";
import type { EngineSide } from "./engine-side.ts";
import { journalSegments } from "./live/journal-source.ts";
import { recallFrom, type Late } from "./past.ts";
import { joinReplicas } from "./replicas/join.ts";
import type { Replica } from "./replicas/replica.ts";

/** Where others could carry workflows out, one is taken up so long after its gateway was last heard of; unless the configuration says. */
const usualLeaseMs = 2000;
/** Where nobody else can, the lease is a formality. */
const loneLeaseMs = 60_000;
/** How often workflows of a gateway that is gone are looked for. */
const looksPerLease = 4;

export class Group {
  readonly #ground: Ground;
  readonly #store: Store;
  readonly #isAlone: boolean;
  #replica: Replica | undefined;
  #upgrade: Upgrade | undefined;
  /** The epoch of which this gateway is the planner. */
  #plansIn: number | undefined;

  constructor(ground: Ground, store: Store) {
    this.#ground = ground;
    this.#store = store;
    this.#isAlone = ground.now.config.replicas === undefined;
  }

  /** Undefined where the configuration knows of no others. */
  get replica(): Replica | undefined {
    return this.#replica;
  }

  /** Takes connections of others. */
  get upgrade(): Upgrade | undefined {
    return this.#upgrade;
  }

  /** Whether this gateway has engines do things now, and looks after what all of them share. */
  acts = (): boolean => this.#replica?.acts() ?? this.#isAlone;

  /** `late`: what an earlier process knew and is still being read, for a gateway that plans alone. */
  join(engines: EngineSide, late: Late | undefined): Replica | undefined {
    const { id, env, time, log, now } = this.#ground;
    if (late !== undefined) this.#plan(engines, late.epoch, late.recall);
    const joined = joinReplicas({
      id,
      env,
      time,
      log,
      store: this.#store,
      driver: engines.driver,
      troubleWith: engines.fleet.troubleWith,
      config: () => now.config,
      onPlans: (epoch) => this.#plan(engines, epoch),
    });
    this.#replica = joined?.replica;
    this.#upgrade = joined?.upgrade;
    return this.#replica;
  }

  /** With what the planner before has learnt, where that is kept: its journal is read before our own begins. */
  #plan({ driver, fleet }: EngineSide, epoch: number | undefined, late?: Late["recall"]): void {
    const { log, now } = this.#ground;
    this.#plansIn = epoch;
    driver.journalAs(undefined);
    if (epoch === undefined || now.config.journal.to !== "store") return;
    const reading = late ?? recallFrom(journalSegments(this.#store), fleet, log);
    void reading.then((recall) => {
      if (this.#plansIn !== epoch) return;
      if (recall !== undefined) driver.recall(recall);
      driver.journalAs(epoch);
    });
  }

  /** `url`: where it listens, once it does. */
  createOwnership(url: () => string): LeasedOwnership {
    const { id: owner, time, now } = this.#ground;
    const { replicas } = now.config;
    const leaseMs = leaseMsOf(now.config);
    return createOwnership({ store: this.#store, time, owner, address: () => replicas?.url ?? onHost(url()), leaseMs });
  }

  createNeighbours(): Neighbours | undefined {
    const { id: owner, env, now } = this.#ground;
    const { replicas } = now.config;
    if (replicas === undefined) return undefined;
    return createNeighbours({ store: this.#store, owner, key: env[replicas.keyEnv] ?? "" });
  }

  /** So often workflows of gateways that are gone are looked for. */
  get takeUpEveryMs(): number {
    return leaseMsOf(this.#ground.now.config) / looksPerLease;
  }
}

/** How long workflows are a gateway's own after it was last heard of. */
function leaseMsOf({ replicas, store }: Config): number {
  return replicas?.leaseMs ?? (store.kind === "postgres" ? usualLeaseMs : loneLeaseMs);
}

/** Where a gateway listens, told apart from the same port of another machine. */
function onHost(url: string): string {
  const address = new URL(url);
  address.hostname = hostname();
  return address.origin;
}
