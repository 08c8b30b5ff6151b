/** The way from a gateway to whoever plans: found by the lease, tried again while it cannot be had, and taken by the ledger. */

import type { Rng } from "../../random/rng.ts";
import type { Lease } from "../../store/store.ts";
import { signalAfter, type Time, type Timer } from "../live/time.ts";
import type { Connect } from "./channel.ts";
import type { Ledger, Seat } from "./ledger.ts";
import { createLink, type Link } from "./link.ts";
import { parseFromPlanner, protocolVersion, type FromPlanner, type ToPlanner } from "./protocol.ts";

export type WayOptions = {
  readonly time: Time;
  readonly id: string;
  readonly ledger: Ledger;
  readonly beatMs: number;
  readonly rng: Rng;
  readonly connect: Connect;
  /** It is worth looking who plans. */
  readonly onLost: () => void;
  readonly onFault: (error: unknown) => void;
};

type Trip = {
  readonly holder: string;
  readonly epoch: number;
  readonly abort: AbortController;
  link: Link<ToPlanner> | undefined;
  /** Once the planner has welcomed us. */
  seat: Seat | undefined;
};

/** Beats that a connection may take. */
const patience = 4;

export class Way {
  readonly #options: WayOptions;
  #trip: Trip | undefined;
  #retry: Timer | undefined;

  constructor(options: WayOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#trip?.seat !== undefined;
  }

  /** To the holder of this lease, unless it is open or tried already. */
  take({ holder, address, epoch }: Lease): void {
    if (this.#trip?.holder === holder && this.#trip.epoch === epoch) return;
    this.leave();
    const trip: Trip = { holder, epoch, abort: new AbortController(), link: undefined, seat: undefined };
    this.#trip = trip;
    void this.#connect(trip, address);
  }

  leave(): void {
    const trip = this.#trip;
    this.#retry?.stop();
    if (trip === undefined) return;
    this.#trip = undefined;
    trip.abort.abort();
    trip.link?.end();
    if (trip.seat !== undefined) this.#options.ledger.sit(undefined);
  }

  async #connect(trip: Trip, address: string): Promise<void> {
    const { time, connect, beatMs } = this.#options;
    const limit = signalAfter(time, patience * beatMs);
    try {
      const channel = await connect(address, AbortSignal.any([trip.abort.signal, limit.signal]));
      if (this.#trip !== trip) return channel.close();
      trip.link = createLink<FromPlanner, ToPlanner>({
        time,
        channel,
        beatMs,
        parse: parseFromPlanner,
        onMessage: (message) => this.#hear(trip, message),
        onEnd: (reason) => this.#lose(trip, reason),
      });
      const { id: replica, ledger } = this.#options;
      trip.link.send({ kind: "hello", version: protocolVersion, replica, epoch: ledger.epoch() });
    } catch (error) {
      this.#lose(trip, error instanceof Error ? error.message : String(error));
    } finally {
      limit.stop();
    }
  }

  #hear(trip: Trip, message: FromPlanner): void {
    const { ledger } = this.#options;
    const { link } = trip;
    if (this.#trip !== trip || link === undefined) return;
    if (trip.seat !== undefined) {
      if (!ledger.hear(trip.seat, message)) throw new Error(`what was said in epoch ${trip.seat.epoch} is over`);
      return;
    }
    if (message.kind === "beat") return;
    if (message.kind !== "welcome") throw new Error(`${message.kind} comes before welcome`);
    const { version, planner, epoch } = message;
    if (version !== protocolVersion) throw new Error(`planner ${planner} speaks version ${version} of the link`);
    if (epoch < ledger.epoch())
      throw new Error(`planner ${planner} is of epoch ${epoch}, the latest is ${ledger.epoch()}`);
    trip.seat = { epoch, tell: link.send };
    ledger.sit(trip.seat);
  }

  #lose(trip: Trip, reason: string): void {
    if (this.#trip !== trip) return;
    const { time, beatMs, rng, onLost, onFault } = this.#options;
    onFault(new Error(`no way to planner ${trip.holder}: ${reason}`));
    this.leave();
    this.#retry = time.after(beatMs * (0.5 + rng.next()), onLost, "unref");
  }
}
