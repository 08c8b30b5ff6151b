/**
 * Takes a lease when it is free and keeps it. Who holds it counts its time by its own clock, which never runs backwards, from
 * before it asked: so it stops before anybody else can have begun, whatever the way to the store costs.
 */

import type { Rng } from "../../random/rng.ts";
import type { Lease, LeaseVerbs } from "../../store/store.ts";
import type { Time, Timer } from "../live/time.ts";

export type KeeperOptions = {
  readonly time: Time;
  readonly store: LeaseVerbs;
  readonly name: string;
  readonly holder: string;
  /** Where the others find the holder. */
  readonly address: string;
  readonly forMs: number;
  /** Spreads those who wait for one lease. */
  readonly rng: Rng;
  /** It is ours, or another's, or nobody is known to have it. Also called when only its time is another. */
  readonly onStanding: (standing: Standing) => void;
  readonly onFault: (error: unknown) => void;
};

export type Standing =
  | { readonly kind: "mine"; readonly epoch: number }
  | { readonly kind: "other"; readonly lease: Lease }
  | { readonly kind: "unknown" };

export type LeaseKeeper = AsyncDisposable & {
  /** Whether it is ours at this very moment. */
  readonly holds: () => boolean;
  readonly standing: () => Standing;
  /** Looks again now: it may be free. */
  readonly poke: () => void;
  /** Gives it up, and for so long takes it only if nobody else does. */
  readonly resign: (abstainMs: number) => void;
};

/** Of the lease: how often it is renewed, how much of it is left to clocks that do not go alike, and how far apart others ask for it. */
const renewals = 3;
const margin = 0.1;
const spread = 0.05;

export function createLeaseKeeper(options: KeeperOptions): LeaseKeeper {
  return new Keeper(options);
}

class Keeper implements LeaseKeeper {
  readonly #options: KeeperOptions;
  #standing: Standing = { kind: "unknown" };
  /** Until when it is ours, if it is. */
  #untilUs = 0;
  #abstainUs = 0;
  /** Given up in this epoch: whenever the store comes to know of it, it is not ours any more. */
  #givenUp = -1;
  /** The question under way: answers to others are not waited for any more. */
  #asked = 0;
  #answered = 0;
  #next: Timer | undefined;
  #expiry: Timer | undefined;
  #closed = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#askIn(0);
  }

  standing = (): Standing => this.#standing;

  holds = (): boolean => this.#standing.kind === "mine" && this.#options.time.nowUs() < this.#untilUs;

  poke = (): void => {
    if (this.#asked === this.#answered) this.#askIn(0);
  };

  resign = (abstainMs: number): void => {
    if (this.#standing.kind !== "mine") return;
    const { time, store, name, holder, onFault } = this.#options;
    const { epoch } = this.#standing;
    this.#abstainUs = time.nowUs() + abstainMs * 1000;
    this.#givenUp = epoch;
    this.#forget();
    store.releaseLease(name, holder, epoch).catch(onFault);
    this.#stand({ kind: "unknown" });
    this.#askIn(this.#options.forMs * spread);
  };

  #askIn(ms: number): void {
    if (this.#closed) return;
    this.#next?.stop();
    this.#next = this.#options.time.after(ms, () => void this.#ask(), "unref");
  }

  /** What is under way is not waited for any more, whatever comes of it. */
  #forget(): void {
    this.#asked += 1;
    this.#answered = this.#asked;
  }

  async #ask(): Promise<void> {
    const { time, forMs, onFault } = this.#options;
    const id = (this.#asked += 1);
    const sentUs = time.nowUs();
    // A store that says nothing is asked again.
    this.#askIn(forMs);
    let waitMs: number;
    try {
      waitMs = await (this.#standing.kind === "mine" && this.holds()
        ? this.#renew(id, sentUs)
        : this.#take(id, sentUs));
    } catch (error) {
      if (id !== this.#asked || this.#closed) return;
      onFault(error);
      waitMs = forMs / (2 * renewals);
    }
    if (id !== this.#asked || this.#closed) return;
    this.#answered = id;
    this.#askIn(waitMs);
  }

  async #renew(id: number, sentUs: number): Promise<number> {
    const { store, name, holder, forMs } = this.#options;
    if (this.#standing.kind !== "mine") return 0;
    const { epoch } = this.#standing;
    const renewed = await store.renewLease(name, holder, epoch, forMs);
    if (id !== this.#asked) return 0;
    if (renewed) {
      this.#hold(epoch, sentUs, forMs);
      return forMs / renewals;
    }
    this.#stand({ kind: "unknown" });
    return 0;
  }

  async #take(id: number, sentUs: number): Promise<number> {
    const { time, store, name, holder, address, forMs, rng } = this.#options;
    const spreadMs = forMs * spread * rng.next();
    let lease = sentUs < this.#abstainUs ? await this.#look() : undefined;
    // Nobody else has taken it: better this one than none.
    if (lease === undefined || lease.leftMs < -forMs) lease = await store.takeLease(name, holder, address, forMs);
    if (id !== this.#asked || this.#closed) return 0;
    if (lease.holder === holder && lease.leftMs > 0 && lease.epoch !== this.#givenUp) {
      this.#hold(lease.epoch, sentUs, Math.min(forMs, lease.leftMs));
      return this.holds() ? forMs / renewals : 0;
    }
    const isOthers = lease.leftMs > 0 && lease.holder !== holder;
    this.#stand(isOthers ? { kind: "other", lease } : { kind: "unknown" });
    const passedMs = (time.nowUs() - sentUs) / 1000;
    // Where it is free, somebody is about to take it.
    const freeInMs = lease.leftMs > 0 ? Math.max(1, lease.leftMs - passedMs) : forMs * spread;
    return Math.min(forMs / renewals, freeInMs) + spreadMs;
  }

  async #look(): Promise<Lease | undefined> {
    const { store, name } = this.#options;
    return (await store.listLeases(name)).find((lease) => lease.name === name);
  }

  #hold(epoch: number, sentUs: number, forMs: number): void {
    const { time } = this.#options;
    this.#untilUs = sentUs + Math.floor(forMs * (1 - margin) * 1000);
    const leftMs = (this.#untilUs - time.nowUs()) / 1000;
    this.#expiry?.stop();
    if (leftMs <= 0) return this.#stand({ kind: "unknown" });
    this.#expiry = time.after(leftMs, () => this.#expire(), "unref");
    this.#stand({ kind: "mine", epoch });
  }

  #expire(): void {
    if (this.#standing.kind !== "mine") return;
    const leftUs = this.#untilUs - this.#options.time.nowUs();
    // A timer may come a moment early.
    if (leftUs > 0) this.#expiry = this.#options.time.after(leftUs / 1000, () => this.#expire(), "unref");
    else this.#stand({ kind: "unknown" });
  }

  #stand(standing: Standing): void {
    if (this.#closed) return;
    this.#standing = standing;
    if (standing.kind !== "mine") this.#expiry?.stop();
    this.#options.onStanding(standing);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    const { store, name, holder, onFault } = this.#options;
    const before = this.#standing;
    this.#closed = true;
    this.#standing = { kind: "unknown" };
    this.#next?.stop();
    this.#expiry?.stop();
    this.#forget();
    if (before.kind === "mine") await store.releaseLease(name, holder, before.epoch).catch(onFault);
  }
}
