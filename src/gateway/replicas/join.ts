/** Makes a gateway one of several, as its configuration says: with the key they share, by way of its HTTP port. */

import type { LeaseVerbs } from "../../store/store.ts";
import type { Config } from "../config/config.ts";
import type { Upgrade } from "../http/server.ts";
import type { LiveDriver } from "../live/live-driver.ts";
import type { TroubleWith } from "../live/overdue.ts";
import type { Time } from "../live/time.ts";
import type { Log } from "../observe/log.ts";
import { createConnect, createUpgrade, wantsChannel } from "./http-channel.ts";
import { createReplica, type Replica } from "./replica.ts";

export type JoinOptions = {
  readonly config: () => Config;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly id: string;
  readonly time: Time;
  readonly store: LeaseVerbs;
  readonly driver: LiveDriver;
  readonly troubleWith: TroubleWith;
  readonly onPlans: (epoch: number | undefined) => void;
  readonly log: Log;
};

export type Joined = { readonly replica: Replica; readonly upgrade: Upgrade };

/** Undefined where the configuration knows of no other gateways. */
export function joinReplicas(options: JoinOptions): Joined | undefined {
  const { config, env, log, id, time, store, driver, troubleWith, onPlans } = options;
  const { replicas, seed } = config();
  if (replicas === undefined) return undefined;
  const { url: address, leaseMs, keyEnv } = replicas;
  const key = env[keyEnv] ?? "";
  if (key === "")
    throw new Error(`replicas: ${keyEnv} is empty; it must hold the key that all gateways of the group share`);
  const replica = createReplica({
    id,
    address,
    time,
    store,
    driver,
    troubleWith,
    leaseMs,
    seed,
    connect: createConnect(key),
    queue: () => config().queue,
    onPlans: (epoch) => {
      if (epoch === undefined) log.warn("plans-no-more", { id });
      else log.info("plans", { id, epoch });
      onPlans(epoch);
    },
    onFault: (what, error) =>
      log.warn(`${what}-failed`, { reason: error instanceof Error ? error.message : String(error) }),
  });
  return { replica, upgrade: { wanted: wantsChannel, take: createUpgrade(key, replica.accept) } };
}
