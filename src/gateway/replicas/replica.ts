/**
 * One of several gateways over one store: of them one plans, by lease and epoch, and the others bring it their work. Put together
 * here from a lease, a ledger of what this gateway has open, the planner's side, and the way to whoever plans.
 */

import { createRng } from "../../random/rng.ts";
import { ownerPrefix, plannerLease } from "../../store/lease-names.ts";
import type { Lease, LeaseVerbs } from "../../store/store.ts";
import type { QueueConfig } from "../config/config.ts";
import type { LiveDriver } from "../live/live-driver.ts";
import type { TroubleWith } from "../live/overdue.ts";
import type { Time } from "../live/time.ts";
import type { Channel, Connect } from "./channel.ts";
import { createLeaseKeeper, type LeaseKeeper, type Standing } from "./lease-keeper.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import { createPlannerHost, type PlannerHost } from "./planner-host.ts";
import { Way } from "./way.ts";

export type ReplicaOptions = {
  /** Of this process, and of no other. */
  readonly id: string;
  /** Where the others reach it. */
  readonly address: string;
  readonly time: Time;
  readonly store: LeaseVerbs;
  /** Its own, kept by its own adapters; made with `acts` of the replica, and used by nobody else. */
  readonly driver: LiveDriver;
  readonly connect: Connect;
  readonly leaseMs: number;
  readonly seed: number;
  readonly queue: () => QueueConfig;
  readonly troubleWith?: TroubleWith | undefined;
  /** It plans from now on, in this epoch; undefined: no more. */
  readonly onPlans?: (epoch: number | undefined) => void;
  readonly onFault: (what: string, error: unknown) => void;
};

export type Replica = AsyncDisposable & {
  /** What those who bring work speak to. */
  readonly driver: Ledger;
  /** Whether this gateway's driver may have engines do anything now. */
  readonly acts: () => boolean;
  /** Another gateway has connected. */
  readonly accept: (channel: Channel) => void;
  readonly status: () => ReplicaStatus;
  /** Lets another plan from now on, if there is another. */
  readonly stepDown: () => Promise<void>;
};

export type ReplicaStatus = {
  readonly id: string;
  /** Who plans, as far as is known here. */
  readonly planner: string | undefined;
  readonly epoch: number;
  readonly plans: boolean;
  /** Whether there is somebody to plan for this gateway: itself, or over a link. */
  readonly linked: boolean;
  /** Gateways that this one plans for, beside itself. */
  readonly gateways: number;
  /** How often it was another planner. */
  readonly changes: number;
};

/** Renewals in a row at which a planner that is not alone is linked to nobody: then it is cut off from them all. */
const mostAlone = 4;
/** One that is about to stop does not plan again. */
const steppedDownMs = 86_400_000;

export function createReplica(options: ReplicaOptions): Replica {
  return new OneOfMany(options);
}

class OneOfMany implements Replica {
  readonly driver: Ledger;
  readonly #options: ReplicaOptions;
  readonly #keeper: LeaseKeeper;
  readonly #host: PlannerHost;
  readonly #way: Way;
  #planner: string | undefined;
  #changes = 0;
  #alone = 0;
  #closed = false;

  constructor(options: ReplicaOptions) {
    const { id, address, time, store, leaseMs, queue, troubleWith } = options;
    this.#options = options;
    const beatMs = Math.max(1, leaseMs / 8);
    const faultOf = (what: string) => (error: unknown) => options.onFault(what, error);
    const ledger = createLedger({ time, queue, troubleWith, onFault: faultOf("call") });
    this.driver = ledger;
    const rng = createRng(options.seed, `replica ${id}`);
    this.#host = createPlannerHost({
      time,
      id,
      ledger,
      leaseMs,
      beatMs,
      driver: options.driver,
      holds: () => this.#keeper.holds(),
      onFault: faultOf("link"),
    });
    this.#way = new Way({
      time,
      id,
      ledger,
      beatMs,
      rng,
      connect: options.connect,
      onLost: () => this.#keeper.poke(),
      onFault: faultOf("link"),
    });
    this.#keeper = createLeaseKeeper({
      time,
      store,
      address,
      rng,
      name: plannerLease,
      holder: id,
      forMs: leaseMs,
      onStanding: (standing) => this.#stand(standing),
      onFault: faultOf("lease"),
    });
  }

  acts = (): boolean => this.#host.acts();

  accept = (channel: Channel): void => (this.#closed ? channel.close() : this.#host.accept(channel));

  status = (): ReplicaStatus => ({
    id: this.#options.id,
    planner: this.#planner,
    epoch: this.driver.epoch(),
    plans: this.#host.epoch() !== undefined,
    linked: this.#host.epoch() !== undefined || this.#way.isOpen,
    gateways: this.#host.links(),
    changes: this.#changes,
  });

  #stand(standing: Standing): void {
    if (standing.kind === "mine") {
      if (this.#host.epoch() === standing.epoch) return this.#lookAround();
      this.#stop();
      this.#way.leave();
      this.#name(this.#options.id);
      this.driver.note(standing.epoch);
      this.#alone = 0;
      this.#options.onPlans?.(standing.epoch);
      return this.#host.open(standing.epoch, this.#listPeers());
    }
    this.#stop();
    // Whoever planned may do so still, for all that is known here: a link to it stays.
    if (standing.kind === "other") this.#follow(standing.lease);
  }

  #stop(): void {
    if (this.#host.epoch() === undefined) return;
    this.#host.close();
    this.#options.onPlans?.(undefined);
  }

  #follow(lease: Lease): void {
    this.#name(lease.holder);
    this.driver.note(lease.epoch);
    this.#way.take(lease);
  }

  #name(planner: string): void {
    if (this.#planner === planner) return;
    if (this.#planner !== undefined) this.#changes += 1;
    this.#planner = planner;
  }

  /** Gateways that are there, beside this one. */
  async #listPeers(): Promise<readonly string[]> {
    const leases = await this.#options.store.listLeases(ownerPrefix);
    const ids = leases.filter(({ leftMs }) => leftMs > 0).map(({ holder }) => holder);
    return ids.filter((id) => id !== this.#options.id);
  }

  /** One that reaches the store, but none of the others, lets another plan. */
  #lookAround(): void {
    if (this.#host.links() > 0) {
      this.#alone = 0;
      return;
    }
    this.#listPeers()
      .then((peers) => {
        this.#alone = peers.length === 0 || this.#host.links() > 0 ? 0 : this.#alone + 1;
        if (this.#alone < mostAlone) return;
        this.#options.onFault("lease", new Error("no other gateway reaches this planner: another is to plan"));
        this.#keeper.resign(2 * this.#options.leaseMs);
      })
      .catch((error: unknown) => this.#options.onFault("lease", error));
  }

  stepDown = async (): Promise<void> => {
    if (this.#host.epoch() === undefined || (await this.#listPeers()).length === 0) return;
    this.#keeper.resign(steppedDownMs);
  };

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.driver[Symbol.dispose]();
    this.#way.leave();
    this.#stop();
    await this.#keeper[Symbol.asyncDispose]();
  }
}
