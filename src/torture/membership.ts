/** A gateway as one of several: its replica over the world's network, and what it carries out held against who may plan. */

import type { Driver, Turn } from "../gateway/live/driver.ts";
import type { LiveDriver } from "../gateway/live/live-driver.ts";
import type { Channel } from "../gateway/replicas/channel.ts";
import { createReplica, type Replica } from "../gateway/replicas/replica.ts";
import type { QueueConfig } from "../gateway/config/config.ts";
import type { Store } from "../store/store.ts";
import type { Planners } from "./laws/planners.ts";
import type { Report } from "./laws/report.ts";
import type { Machine } from "./machine.ts";
import type { Network } from "./network.ts";

export type MembershipHost = {
  readonly machine: Machine;
  readonly seed: number;
  readonly driver: LiveDriver;
  readonly store: Store;
  readonly queue: QueueConfig;
  readonly leaseMs: number;
  readonly network: Network;
  readonly planners: Planners;
  readonly report: Report;
  readonly tell: (what: string) => void;
  /** It plans from now on in this epoch; undefined: no more. */
  readonly onPlans: (epoch: number | undefined) => void;
};

export type Membership = {
  readonly replica: Replica;
  /** Its ledger, each share that begins held against the lease, or the epoch in which that was decided. */
  readonly face: Driver;
};

export function joinOthers(host: MembershipHost): Membership {
  const { machine, seed, driver, store, queue, leaseMs, network, planners, report, tell, onPlans } = host;
  /** The epoch in which what is being heard was decided; undefined for what this gateway decides itself. */
  let heard: number | undefined;
  const overhear = (channel: Channel): Channel => ({
    ...channel,
    listen: ({ onLine, onClose }) =>
      channel.listen({
        onClose,
        onLine: (line) => {
          heard = epochOfStart(line);
          onLine(line);
          heard = undefined;
        },
      }),
  });
  const overtell = (channel: Channel): Channel => ({
    ...channel,
    send: (line) => {
      if (machine.alive && epochOfStart(line) !== undefined) planners.act(machine.name);
      channel.send(line);
    },
  });
  const replica = createReplica({
    id: machine.name,
    address: machine.site,
    time: machine.time,
    store,
    driver,
    connect: async (address, signal) => overhear(await network.connect(machine, address, signal)),
    leaseMs,
    seed,
    queue: () => queue,
    onPlans: (epoch) => {
      if (!machine.alive) return;
      tell(epoch === undefined ? "plans no more" : `plans in epoch ${epoch}`);
      if (epoch !== undefined) planners.begin(machine.name, epoch);
      onPlans(epoch);
    },
    onFault: (what, error) => {
      tell(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      if (what === "call") report("no-throw", `${machine.name}: ${what}: ${String(error)}`);
    },
  });
  network.listen(machine, (channel) => replica.accept(overtell(channel)));
  const ledger = replica.driver;
  const onStart = (turn: Turn, start: (turn: Turn) => void): void => {
    if (heard === undefined) planners.act(machine.name);
    else planners.carry(machine.name, heard, ledger.epoch());
    start(turn);
  };
  return { replica, face: watched(ledger, onStart) };
}

/** Only what starts a share says in which epoch it was decided. */
function epochOfStart(line: string): number | undefined {
  const epoch = line.includes('"kind":"start"') ? /"epoch":(\d+)/.exec(line)?.[1] : undefined;
  return epoch === undefined ? undefined : Number(epoch);
}

function watched(ledger: Replica["driver"], onStart: (turn: Turn, start: (turn: Turn) => void) => void): Driver {
  const { nowUs, arrive, reveal, ready, toolStart, toolEnd, skip, drop, end, cancel } = ledger;
  const rest = { nowUs, arrive, reveal, toolStart, toolEnd, skip, drop, end, cancel };
  return {
    ...rest,
    ready: (stage, work, chainTokens) =>
      ready(
        stage,
        {
          refuse: (refusal) => work.refuse(refusal),
          start: (turn) => onStart(turn, (given) => work.start(given)),
          ...(work.patient === undefined ? {} : { patient: work.patient }),
        },
        chainTokens,
      ),
  };
}
