/** A process that may be killed or stand still: whatever reaches it comes through here, and a dead one hears nothing any more. */

import type { Time, Timer } from "../gateway/live/time.ts";
import type { VirtualTime } from "./virtual-time.ts";

export class Machine {
  /** Where it runs: the network is cut by sites. */
  readonly site: string;
  /** Of this process, and of no other. */
  readonly name: string;
  readonly time: Time;
  readonly #virtual: VirtualTime;
  readonly #deathWatch = new Set<() => void>();
  #alive = true;
  #paused = false;
  /** What has come while it stood still, in order. */
  #inbox: (() => void)[] = [];
  /** By how much its clock on the wall is wrong. */
  skewMs = 0;
  /** How long it lets wait what comes now. */
  lagUs: () => number = () => 0;
  #freeUs = 0;

  constructor(virtual: VirtualTime, site: string, name: string) {
    this.#virtual = virtual;
    this.site = site;
    this.name = name;
    this.time = this.#createTime();
  }

  get alive(): boolean {
    return this.#alive;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Has it take something in, in the order in which things come. */
  enter(what: () => void): void {
    if (!this.#alive) return;
    const behindUs = this.#freeUs - this.#virtual.nowUs;
    // What comes while it is busy waits behind what came before, and no longer.
    if (behindUs > 0) return void this.#virtual.after(behindUs, () => this.#takeIn(what));
    const lagUs = this.#paused || this.#inbox.length > 0 ? 0 : this.lagUs();
    if (lagUs === 0) return this.#takeIn(what);
    this.#freeUs = this.#virtual.nowUs + lagUs;
    this.#virtual.after(lagUs, () => this.#takeIn(what));
  }

  #takeIn(what: () => void): void {
    if (!this.#alive) return;
    if (this.#paused || this.#inbox.length > 0) this.#inbox.push(what);
    else what();
  }

  /** A promise that only ever settles while it lives. */
  hear<T>(begin: (resolve: (value: T) => void, reject: (error: unknown) => void) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (!this.#alive) return;
      begin(
        (value) => this.enter(() => resolve(value)),
        (error) => this.enter(() => reject(error)),
      );
    });
  }

  crash(): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#inbox = [];
    for (const tell of this.#deathWatch) tell();
    this.#deathWatch.clear();
  }

  /** Returns how to call it off. */
  onDeath(tell: () => void): () => void {
    this.#deathWatch.add(tell);
    return () => this.#deathWatch.delete(tell);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#catchUp();
  }

  /** One after another, as separate turns of its loop. */
  #catchUp(): void {
    this.#virtual.after(0, () => {
      if (!this.#alive || this.#paused) return;
      const [what] = this.#inbox.splice(0, 1);
      if (this.#inbox.length > 0) this.#catchUp();
      what?.();
    });
  }

  #createTime(): Time {
    const virtual = this.#virtual;
    const beganUs = virtual.nowUs;
    const after = (ms: number, what: () => void): Timer => {
      let stopped = false;
      const timer = virtual.after(Math.max(1, Math.trunc(ms)) * 1000, () =>
        // It may be stopped while it waits to be taken in.
        this.enter(() => {
          if (!stopped) what();
        }),
      );
      return {
        stop: () => {
          stopped = true;
          timer.stop();
        },
      };
    };
    return {
      nowUs: () => virtual.nowUs - beganUs,
      epochMs: () => 1_800_000_000_000 + Math.floor(virtual.nowUs / 1000) + this.skewMs,
      after,
      every: (ms, what) => {
        let timer: Timer;
        let stopped = false;
        const arm = (): void => {
          timer = after(ms, () => {
            what();
            if (!stopped) arm();
          });
        };
        arm();
        return {
          stop: () => {
            stopped = true;
            timer.stop();
          },
        };
      },
      soon: (what) => void virtual.after(0, () => this.enter(what)),
    };
  }
}
