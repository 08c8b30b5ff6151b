/** Faults that come by themselves: gateways that die or stand still, engines and a store that go away, cut networks, jumping clocks. */

import type { FaultKind, Faults } from "./faults.ts";
import type { Database } from "./database.ts";
import type { Gateway } from "./gateway.ts";
import type { ModelServer } from "./model-server.ts";
import { storeSite, type Network } from "./network.ts";
import type { Trace } from "./trace.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** A place where a gateway runs, and is started anew when it has died. */
export type Site = { readonly name: string; incarnation: number; gateway: Gateway | undefined };

export type Troubled = {
  readonly virtual: VirtualTime;
  readonly faults: Faults;
  readonly trace: Trace;
  readonly network: Network;
  readonly database: Database;
  readonly servers: ReadonlyMap<string, ModelServer>;
  readonly sites: readonly Site[];
};

/** Begins; returns how to heal all that is broken then. */
export function troubleSites(world: Troubled): () => void {
  const { virtual, faults, trace, network, database, sites } = world;
  const servers = [...world.servers.values()];
  const cures = new Set<() => void>();
  /** Breaks something for a while drawn from the kind's stream. */
  const during = (kind: FaultKind, mostMs: number, cure: () => void): void => {
    const once = (): void => {
      if (!cures.delete(once)) return;
      trace.add(virtual.nowUs, "world", `${kind} is over`);
      cure();
    };
    cures.add(once);
    virtual.after((50 + faults.rng(kind).below(mostMs)) * 1000, once);
  };
  const one = <T>(kind: FaultKind, list: readonly T[]): T | undefined => list[faults.rng(kind).below(list.length)];
  /** False: there was nothing that it could happen to. */
  const troubles: { readonly [Kind in FaultKind]?: () => boolean } = {
    crash: () => {
      const machine = one("crash", sites)?.gateway?.machine;
      machine?.crash();
      return machine !== undefined;
    },
    pause: () => {
      const machine = one("pause", sites)?.gateway?.machine;
      if (machine === undefined || machine.paused) return false;
      machine.pause();
      during("pause", 6000, () => machine.resume());
      return true;
    },
    stop: () => {
      const gateway = one("stop", sites)?.gateway;
      if (gateway === undefined || gateway.isStopping) return false;
      void gateway.stop(faults.rng("stop").below(3000));
      return true;
    },
    "clock-jump": () => {
      const machine = one("clock-jump", sites)?.gateway?.machine;
      if (machine !== undefined) machine.skewMs += faults.rng("clock-jump").below(7_200_000) - 3_600_000;
      return machine !== undefined;
    },
    "store-away": () => {
      if (database.away) return false;
      database.away = true;
      during("store-away", 5000, () => (database.away = false));
      return true;
    },
    "store-full": () => {
      if (database.full) return false;
      database.full = true;
      during("store-full", 4000, () => (database.full = false));
      return true;
    },
    "engine-dead": () => {
      const server = one("engine-dead", servers);
      if (server === undefined || !server.up) return false;
      server.die();
      during("engine-dead", 5000, () => server.revive());
      return true;
    },
    "engine-forgets": () => {
      const server = one("engine-forgets", servers);
      const model = server === undefined ? undefined : one("engine-forgets", [...server.resident]);
      return model !== undefined && server?.resident.delete(model) === true;
    },
    "link-cut": () => network.breakOne(faults.rng("link-cut").below(1000)),
    partition: () => {
      const site = one("partition", sites)?.name ?? "";
      const others = sites.map(({ name }) => name).filter((name) => name !== site);
      const rng = faults.rng("partition");
      const side = rng.below(3);
      const pairs = [...(side === 0 ? [] : others), ...(side === 1 ? [] : [storeSite])].map(
        (name) => [site, name] as const,
      );
      during("partition", 8000, network.cut(pairs, rng.below(2) === 0));
      return true;
    },
  };
  const schedule = (kind: FaultKind, strike: () => boolean): void => {
    const us = faults.nextUs(kind);
    if (us === Infinity) return;
    virtual.after(us, () => {
      if (!faults.active()) return;
      if (strike()) {
        faults.count(kind);
        trace.add(virtual.nowUs, "world", kind);
      }
      schedule(kind, strike);
    });
  };
  for (const [kind, strike] of Object.entries(troubles)) schedule(kind as FaultKind, strike);
  return () => {
    for (const cure of cures) cure();
  };
}
