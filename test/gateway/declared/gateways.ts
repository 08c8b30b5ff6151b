/** Gateways over one store, as far as declared workflows go: each with a driver and models of its own, and each can be lost. */

import { createOwnership, type LeasedOwnership } from "../../../src/gateway/declared/ownership.ts";
import { createRuns, type Runs } from "../../../src/gateway/declared/runs.ts";
import type { Store } from "../../../src/store/store.ts";
import type { HandTime } from "./hand-time.ts";
import { world, type Reply, type World } from "./support.ts";

export const leaseMs = 2000;

export type TestGateway = World & {
  readonly runs: Runs;
  readonly ownership: LeasedOwnership;
  readonly faults: readonly string[];
};

export type GatewayParts = {
  readonly owner: string;
  readonly store: Store;
  readonly time: HandTime;
  readonly reply?: (prompted: { readonly text: string }) => Reply;
  readonly maxOpen?: number;
};

export async function openGateway({
  owner,
  store,
  time,
  reply = ({ text }) => `<${text}>`,
  maxOpen = 100,
}: GatewayParts): Promise<TestGateway> {
  const made = world(reply);
  const faults: string[] = [];
  let ids = 0;
  const ownership = createOwnership({ store, time, owner, address: () => `http://${owner}`, leaseMs });
  const { config } = made.options;
  const options = {
    ...made.options,
    config: { ...config, declared: { ...config.declared, maxOpen } },
    store,
    ownership,
    time,
    nowMs: time.epochMs,
    createId: () => `${owner}-${++ids}`,
    takeUpEveryMs: 500,
    onFault: (message: string) => void faults.push(message),
  };
  const runs = createRuns(options);
  await ownership.start();
  return { ...made, options, runs, ownership, faults };
}
