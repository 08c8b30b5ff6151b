/**
 * The planner's side: who may tell it what they have open, and for how long what a gateway had is kept when it is heard of no
 * more. It has engines do something only while it holds the lease, and once it knows what runs on them.
 */

import type { LiveDriver } from "../live/live-driver.ts";
import type { Time, Timer } from "../live/time.ts";
import type { Channel } from "./channel.ts";
import { Guest } from "./guest.ts";
import type { Ledger, Seat } from "./ledger.ts";
import { createLink, type Link } from "./link.ts";
import { parseToPlanner, protocolVersion, type FromPlanner, type ToPlanner } from "./protocol.ts";

export type PlannerHostOptions = {
  readonly time: Time;
  readonly driver: LiveDriver;
  /** Of this gateway itself. */
  readonly id: string;
  readonly ledger: Ledger;
  readonly leaseMs: number;
  readonly beatMs: number;
  /** Whether the lease is ours at this very moment. */
  readonly holds: () => boolean;
  readonly onFault: (error: unknown) => void;
};

export type PlannerHost = {
  /** Plans from now on, once the gateways that `peers` names have announced what they have open, or have had time to. */
  readonly open: (epoch: number, peers: Promise<readonly string[]>) => void;
  /** Plans no more: the books are empty, and nobody is told why. */
  readonly close: () => void;
  readonly acts: () => boolean;
  readonly epoch: () => number | undefined;
  /** Somebody wants to tell what it has open. */
  readonly accept: (channel: Channel) => void;
  /** Gateways that are linked now, beside this one. */
  readonly links: () => number;
};

type Present = {
  readonly guest: Guest;
  readonly link: Link<FromPlanner> | undefined;
  /** Until it is forgotten, if its link is gone. */
  grace: Timer | undefined;
};

type Tenure = {
  readonly epoch: number;
  readonly present: Map<string, Present>;
  /** By which each gateway said hello last: others of it are not heard any more. */
  readonly latest: Map<string, Link<FromPlanner>>;
  readonly announced: Set<string>;
  peers: readonly string[] | undefined;
  settled: boolean;
  readonly patience: Timer;
};

/** Gateways over one store. */
const mostGateways = 256;
/** Of a lease: how long a new planner waits to hear what runs. */
const settling = 0.25;

export function createPlannerHost(options: PlannerHostOptions): PlannerHost {
  return new Host(options);
}

class Host implements PlannerHost {
  readonly #options: PlannerHostOptions;
  #tenure: Tenure | undefined;
  /** Connections that have not said yet whose they are. */
  readonly #strangers = new Set<Link<FromPlanner>>();
  #visits = 0;

  constructor(options: PlannerHostOptions) {
    this.#options = options;
  }

  epoch = (): number | undefined => this.#tenure?.epoch;

  acts = (): boolean => this.#tenure?.settled === true && this.#options.holds();

  links = (): number => {
    let links = 0;
    for (const { link, grace } of this.#tenure?.present.values() ?? [])
      if (link !== undefined && grace === undefined) links += 1;
    return links;
  };

  open = (epoch: number, peers: Promise<readonly string[]>): void => {
    const { time, leaseMs, onFault } = this.#options;
    const tenure: Tenure = {
      epoch,
      present: new Map(),
      latest: new Map(),
      announced: new Set(),
      peers: undefined,
      settled: false,
      patience: time.after(leaseMs * settling, () => this.#settle(tenure), "unref"),
    };
    this.#tenure = tenure;
    this.#seatOwn(tenure);
    peers
      .then((known) => {
        tenure.peers = known;
        this.#settleIfAllAreHere(tenure);
      })
      .catch(onFault);
  };

  close = (): void => {
    const tenure = this.#tenure;
    if (tenure === undefined) return;
    this.#tenure = undefined;
    tenure.patience.stop();
    this.#options.ledger.sit(undefined);
    for (const stranger of this.#strangers) stranger.end();
    this.#strangers.clear();
    for (const link of tenure.latest.values()) link.end();
    for (const { grace } of tenure.present.values()) grace?.stop();
    this.#options.driver.together(() => {
      for (const { guest } of tenure.present.values()) guest.forget();
    });
  };

  /** What this gateway has open itself takes no detour. */
  #seatOwn(tenure: Tenure): void {
    const { id, ledger, onFault } = this.#options;
    const guest = this.#createGuest(tenure, id, undefined, (message) => ledger.hear(seat, message));
    const seat: Seat = { epoch: tenure.epoch, tell: (message) => guest.take(message) };
    try {
      ledger.sit(seat);
    } catch (error) {
      onFault(error);
    }
  }

  #createGuest(
    tenure: Tenure,
    id: string,
    link: Link<FromPlanner> | undefined,
    send: (message: FromPlanner) => void,
  ): Guest {
    const { driver, time, onFault } = this.#options;
    const guest: Guest = new Guest({
      driver,
      time,
      prefix: `${id}.${(this.#visits += 1)}~`,
      epoch: tenure.epoch,
      send,
      onAnnounced: (enter) => {
        const before = tenure.present.get(id);
        before?.grace?.stop();
        tenure.present.set(id, { guest, link, grace: undefined });
        // Whatever it had before it has told again: the places of what runs are not to be taken in between.
        driver.together(() => {
          before?.guest.forget();
          enter();
        });
        tenure.announced.add(id);
        this.#settleIfAllAreHere(tenure);
      },
      onNonsense: (error) => {
        onFault(error);
        link?.end();
        this.#lose(tenure, id, guest, undefined);
      },
    });
    return guest;
  }

  #settleIfAllAreHere(tenure: Tenure): void {
    if (tenure.peers?.every((id) => tenure.announced.has(id)) === true) this.#settle(tenure);
  }

  #settle(tenure: Tenure): void {
    if (tenure.settled || this.#tenure !== tenure) return;
    tenure.settled = true;
    tenure.patience.stop();
    // What was placed meanwhile begins now.
    this.#options.driver.together(() => {});
  }

  accept = (channel: Channel): void => {
    const { time, beatMs } = this.#options;
    const tenure = this.#tenure;
    if (tenure === undefined || !this.#options.holds() || this.#strangers.size + tenure.present.size >= mostGateways)
      return channel.close();
    let visitor: { readonly id: string; readonly guest: Guest } | undefined;
    const link: Link<FromPlanner> = createLink<ToPlanner, FromPlanner>({
      time,
      channel,
      beatMs,
      parse: parseToPlanner,
      onMessage: (message) => {
        if (visitor !== undefined) return visitor.guest.take(message);
        visitor = { id: this.#greet(tenure, message, link), guest: this.#welcome(tenure, message, link) };
      },
      onEnd: (reason) => {
        this.#strangers.delete(link);
        if (visitor !== undefined) this.#lose(tenure, visitor.id, visitor.guest, reason);
      },
    });
    this.#strangers.add(link);
  };

  /** Who it is. */
  #greet(tenure: Tenure, message: ToPlanner, link: Link<FromPlanner>): string {
    this.#strangers.delete(link);
    if (message.kind !== "hello") throw new Error(`${message.kind} comes before hello`);
    const { version, replica, epoch } = message;
    if (version !== protocolVersion) throw new Error(`gateway ${replica} speaks version ${version} of the link`);
    if (epoch > tenure.epoch) throw new Error(`gateway ${replica} knows of epoch ${epoch}, this is ${tenure.epoch}`);
    return replica;
  }

  #welcome(tenure: Tenure, message: ToPlanner, link: Link<FromPlanner>): Guest {
    if (message.kind !== "hello") throw new Error(`${message.kind} comes before hello`);
    const { replica } = message;
    // One that comes again has lost the other link, even if that has not been noticed here.
    tenure.latest.get(replica)?.end();
    tenure.latest.set(replica, link);
    const before = tenure.present.get(replica);
    if (before !== undefined && before.grace === undefined) {
      before.link?.end();
      this.#lose(tenure, replica, before.guest, undefined);
    }
    link.send({ kind: "welcome", version: protocolVersion, planner: this.#options.id, epoch: tenure.epoch });
    return this.#createGuest(tenure, replica, link, link.send);
  }

  /** What runs for it is kept for as long as it takes to have another planner, had it been this one that is gone. */
  #lose(tenure: Tenure, id: string, guest: Guest, reason: string | undefined): void {
    const { time, leaseMs, driver, onFault } = this.#options;
    const present = tenure.present.get(id);
    if (present?.guest !== guest || present.grace !== undefined) return;
    if (reason !== undefined) onFault(new Error(`the link of gateway ${id} has ended: ${reason}`));
    guest.leave();
    present.grace = time.after(
      leaseMs,
      () => {
        tenure.present.delete(id);
        if (tenure.latest.get(id) === present.link) tenure.latest.delete(id);
        driver.together(() => guest.forget());
      },
      "unref",
    );
  }
}
