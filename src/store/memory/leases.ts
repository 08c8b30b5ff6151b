/** Leases in memory. One that has run out is kept, as its epoch is where the next holder's goes on, until it is forgotten. */

import type { Lease } from "../store.ts";

type Held = Omit<Lease, "leftMs"> & { readonly expiresMs: number };

export type MemoryLeases = ReturnType<typeof createMemoryLeases>;

export function createMemoryLeases(nowMs: () => number) {
  const held = new Map<string, Held>();
  const holds = (name: string): boolean => (held.get(name)?.expiresMs ?? -Infinity) > nowMs();
  const toLease = ({ expiresMs, ...lease }: Held): Lease => ({ ...lease, leftMs: expiresMs - nowMs() });
  /** The lease if it is this holder's, of this epoch, and has not run out. */
  const own = (name: string, holder: string, epoch: number): Held | undefined => {
    const lease = held.get(name);
    return lease?.holder === holder && lease.epoch === epoch && holds(name) ? lease : undefined;
  };
  return {
    holds,
    take: (name: string, holder: string, address: string, forMs: number): Lease => {
      const before = held.get(name);
      const taken = holds(name);
      if (before !== undefined && taken && before.holder !== holder) return toLease(before);
      const epoch = (before?.epoch ?? 0) + (taken ? 0 : 1);
      const lease = { name, holder, address, epoch, expiresMs: nowMs() + forMs };
      held.set(name, lease);
      return toLease(lease);
    },
    renew: (name: string, holder: string, epoch: number, forMs: number): boolean => {
      const lease = own(name, holder, epoch);
      if (lease === undefined) return false;
      held.set(name, { ...lease, expiresMs: nowMs() + forMs });
      return true;
    },
    release: (name: string, holder: string, epoch: number): void => {
      const lease = own(name, holder, epoch);
      if (lease !== undefined) held.set(name, { ...lease, expiresMs: nowMs() });
    },
    list: (prefix: string): readonly Lease[] =>
      [...held.values()]
        .filter(({ name }) => name.startsWith(prefix))
        .sort((left, right) => (left.name < right.name ? -1 : 1))
        .map(toLease),
    forget: (prefix: string, goneMs: number, limit: number): number => {
      const old = [...held.values()]
        .filter(({ name, expiresMs }) => name.startsWith(prefix) && expiresMs <= nowMs() - goneMs)
        .sort((left, right) => left.expiresMs - right.expiresMs || (left.name < right.name ? -1 : 1))
        .slice(0, limit);
      for (const { name } of old) held.delete(name);
      return old.length;
    },
  };
}
