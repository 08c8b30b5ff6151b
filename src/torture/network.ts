/** The network between sites: channels that carry lines in order, late, twice, or not at all, and break; and who can reach whom. */

import type { Channel, Ears } from "../gateway/replicas/channel.ts";
import type { Rng } from "../random/rng.ts";
import type { Faults } from "./faults.ts";
import type { Machine } from "./machine.ts";
import type { VirtualTime } from "./virtual-time.ts";

export type NetworkHost = { readonly virtual: VirtualTime; readonly faults: Faults; readonly rng: Rng };

/** The one that stands for the store in who can reach whom. */
export const storeSite = "store";

export class Network {
  readonly #host: NetworkHost;
  /** Who listens at a site now, and what it does with a channel that comes in. */
  readonly #listeners = new Map<string, { readonly machine: Machine; readonly accept: (channel: Channel) => void }>();
  /** Pairs of sites that cannot reach each other. */
  readonly #cuts = new Set<string>();
  readonly #pipes = new Set<Pipe>();
  /** What waits until sites reach each other again. */
  #held: (() => void)[] = [];

  constructor(host: NetworkHost) {
    this.#host = host;
  }

  listen(machine: Machine, accept: (channel: Channel) => void): void {
    this.#listeners.set(machine.site, { machine, accept });
  }

  reaches(from: string, to: string): boolean {
    return !this.#cuts.has(pair(from, to));
  }

  /** Cuts the pairs; returns how to heal them. What is under way comes then, or never: `loses`. */
  cut(pairs: readonly (readonly [string, string])[], loses: boolean): () => void {
    const names = pairs.map(([from, to]) => pair(from, to)).filter((name) => !this.#cuts.has(name));
    for (const name of names) this.#cuts.add(name);
    if (loses) for (const pipe of this.#pipes) if (names.includes(pipe.sites)) pipe.goSilent();
    return () => {
      for (const name of names) this.#cuts.delete(name);
      const held = this.#held;
      this.#held = [];
      for (const deliver of held) deliver();
    };
  }

  /** Ends one connection, as a machine between the two may do. */
  breakOne(which: number): boolean {
    const pipe = [...this.#pipes][which % Math.max(1, this.#pipes.size)];
    pipe?.breakOff();
    return pipe !== undefined;
  }

  get connections(): number {
    return this.#pipes.size;
  }

  connect(by: Machine, site: string, signal: AbortSignal): Promise<Channel> {
    const { virtual, faults, rng } = this.#host;
    if (faults.strikes("crash")) by.crash();
    return by.hear<Channel>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("given up")));
      virtual.after(100 + rng.below(2000), () => {
        // Nobody answers: it is for the one who asked to give up.
        if (!this.reaches(by.site, site)) return;
        const listener = this.#listeners.get(site);
        if (listener === undefined || !listener.machine.alive) return reject(new Error("connection refused"));
        if (signal.aborted || !by.alive) return;
        const pipe = new Pipe(this.#host, by, listener.machine, {
          reaches: () => this.reaches(by.site, site),
          hold: (deliver) => void this.#held.push(deliver),
          onGone: () => void this.#pipes.delete(pipe),
        });
        this.#pipes.add(pipe);
        listener.machine.enter(() => listener.accept(pipe.far));
        // The one who asked hears of it in its own time, and nothing of the other side before that.
        resolve(pipe.near);
      });
    });
  }
}

type PipeHost = {
  readonly reaches: () => boolean;
  readonly hold: (deliver: () => void) => void;
  readonly onGone: () => void;
};

class Pipe {
  readonly sites: string;
  readonly near: Channel;
  readonly far: Channel;
  readonly #ends: readonly [End, End];
  readonly #pipe: PipeHost;
  #silent = false;

  constructor(host: NetworkHost, left: Machine, right: Machine, pipe: PipeHost) {
    this.sites = pair(left.site, right.site);
    this.#pipe = pipe;
    const ends: [End, End] = [createEnd(left), createEnd(right)];
    this.#ends = ends;
    const toChannel = (own: End, other: End): Channel => ({
      send: (line) => this.#send(host, own, other, line),
      listen: (ears) => {
        own.ears = ears;
        for (const early of own.early.splice(0)) early();
      },
      close: () => {
        if (!own.open || !own.machine.alive) return;
        own.open = false;
        this.#closeLater(host, other);
      },
      backlog: () => 0,
    });
    this.near = toChannel(ends[0], ends[1]);
    this.far = toChannel(ends[1], ends[0]);
    // The system of a killed process closes what it had open.
    left.onDeath(() => this.#closeLater(host, ends[1]));
    right.onDeath(() => this.#closeLater(host, ends[0]));
    this.breakOff = () => {
      for (const end of ends) this.#closeLater(host, end);
    };
  }

  readonly breakOff: () => void;

  goSilent(): void {
    this.#silent = true;
  }

  #send(host: NetworkHost, own: End, other: End, line: string): void {
    const { virtual, faults, rng } = host;
    if (!own.open || !own.machine.alive) return;
    if (faults.strikes("crash")) own.machine.crash();
    if (!own.machine.alive || faults.strikes("line-lost") || this.#silent) return;
    const lateUs = faults.strikes("line-late") ? faults.rng("line-late").below(4_000_000) : 0;
    const inOrderUs = Math.max(other.freeUs, virtual.nowUs + 50 + rng.below(1000) + lateUs);
    const swapped = faults.strikes("line-swapped");
    if (!swapped) other.freeUs = inOrderUs;
    const atUs = swapped ? inOrderUs + 20 + faults.rng("line-swapped").below(20_000) : inOrderUs;
    const times = faults.strikes("line-doubled") ? 2 : 1;
    for (let time = 0; time < times; time++) this.#deliver(host, other, atUs, (ears) => ears.onLine(line));
  }

  #closeLater({ virtual }: NetworkHost, end: End): void {
    const atUs = Math.max(end.freeUs, virtual.nowUs + 100);
    this.#deliver({ virtual }, end, atUs, (ears) => {
      end.open = false;
      if (this.#ends.every(({ open }) => !open)) this.#pipe.onGone();
      ears.onClose();
    });
  }

  #deliver({ virtual }: Pick<NetworkHost, "virtual">, end: End, atUs: number, what: (ears: Ears) => void): void {
    const arrive = (): void => {
      if (this.#silent) return;
      if (!this.#pipe.reaches()) return this.#pipe.hold(arrive);
      end.machine.enter(() => {
        if (!end.open) return;
        if (end.ears === undefined) end.early.push(() => end.open && end.ears !== undefined && what(end.ears));
        else what(end.ears);
      });
    };
    virtual.after(atUs - virtual.nowUs, arrive);
  }
}

type End = {
  readonly machine: Machine;
  ears: Ears | undefined;
  /** What came before anybody listened. */
  readonly early: (() => void)[];
  open: boolean;
  /** Lines come one after another. */
  freeUs: number;
};

function createEnd(machine: Machine): End {
  return { machine, ears: undefined, early: [], open: true, freeUs: 0 };
}

function pair(left: string, right: string): string {
  return left < right ? `${left} ${right}` : `${right} ${left}`;
}
