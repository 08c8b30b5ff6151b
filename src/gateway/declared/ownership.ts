/**
 * By what right this gateway carries runs out: a lease of its own name. While it holds, nobody else takes its runs up. It says by
 * itself that it no longer holds, by a clock that does not jump, before anyone else could think so.
 */

import { ownerPrefix } from "../../store/lease-names.ts";
import type { Store } from "../../store/store.ts";
import type { Time, Timer } from "../live/time.ts";

export type Ownership = {
  /** As runs name it. */
  readonly owner: string;
  readonly holds: () => boolean;
  /** Told each time that it holds no more, and that it holds again. */
  readonly listen: (listener: (holds: boolean) => void) => void;
};

export type LeasedOwnership = Ownership &
  AsyncDisposable & {
    /** Resolves when it holds for the first time, or could not be had at once: then it goes on trying. */
    readonly start: () => Promise<void>;
  };

export type OwnershipOptions = {
  readonly store: Pick<Store, "takeLease" | "renewLease" | "releaseLease" | "listLeases">;
  readonly time: Time;
  readonly owner: string;
  /** Where other gateways find this one. No two of them that run have the same. */
  readonly address: () => string;
  readonly leaseMs: number;
};

/** So often within the time of a lease it is renewed. */
const renewalsPerLease = 3;
/** A part of the lease that is not relied on: clocks differ in speed. */
const marginShare = 0.1;
/** A store that is away is asked again after so long at most. */
const longestRetryMs = 500;

export function createOwnership({ store, time, owner, address, leaseMs }: OwnershipOptions): LeasedOwnership {
  const name = ownerPrefix + owner;
  const listeners: ((holds: boolean) => void)[] = [];
  let epoch = 0;
  let heldUntilUs = -Infinity;
  let told = false;
  let closed = false;
  let next: Timer | undefined;
  let lapse: Timer | undefined;
  let asking: Promise<void> = Promise.resolve();

  const holds = (): boolean => !closed && time.nowUs() < heldUntilUs;
  const tell = (): void => {
    const now = holds();
    if (now === told) return;
    told = now;
    for (const listener of listeners) listener(now);
  };
  const renew = async (): Promise<void> => {
    // It may have run out while this process did not run.
    tell();
    let waitMs = leaseMs / renewalsPerLease;
    // From before the question: when it was answered is not known.
    const askedUs = time.nowUs();
    try {
      const isOurs = (epoch > 0 && (await store.renewLease(name, owner, epoch, leaseMs))) || (await take());
      if (isOurs) heldUntilUs = askedUs + Math.floor(leaseMs * (1 - marginShare) * 1000);
    } catch {
      // The store is away: it is asked again, and meanwhile what was held runs out.
      waitMs = Math.min(waitMs, longestRetryMs);
    }
    if (closed) return;
    lapse?.stop();
    lapse = holds() ? time.after((heldUntilUs - time.nowUs()) / 1000, tell, "unref") : undefined;
    tell();
    next = time.after(waitMs, () => void (asking = renew()), "unref");
  };
  const take = async (): Promise<boolean> => {
    const lease = await store.takeLease(name, owner, address(), leaseMs);
    // There was a time in which it was nobody's, by the store's clock if not by ours.
    if (epoch > 0 && lease.epoch !== epoch) {
      heldUntilUs = -Infinity;
      tell();
    }
    epoch = lease.epoch;
    return lease.holder === owner;
  };
  /**
   * Whoever had this address before is gone: what it carried out need not wait for its lease to run out. Where the store cannot be
   * asked, that lease runs out by itself, only later.
   */
  const succeed = async (): Promise<void> => {
    const leases = await store.listLeases(ownerPrefix).catch(() => []);
    for (const { name: former, holder, address: where, epoch: its, leftMs } of leases)
      if (holder !== owner && where === address() && leftMs > 0)
        await store.releaseLease(former, holder, its).catch(() => {});
  };

  return {
    owner,
    holds,
    listen: (listener) => void listeners.push(listener),
    start: () => (asking = succeed().then(renew)),
    [Symbol.asyncDispose]: async () => {
      const held = holds();
      closed = true;
      next?.stop();
      lapse?.stop();
      await asking;
      // What is not given back runs out by itself: whoever comes next waits for that.
      if (held) await store.releaseLease(name, owner, epoch).catch(() => {});
    },
  };
}
