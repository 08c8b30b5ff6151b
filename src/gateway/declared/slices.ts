/** Large pieces of work that come all at once are done a few at a time, so that others have their turn in between. */

import type { Time } from "../live/time.ts";

/** Bytes that are made without a pause. */
const sliceBytes = 1_000_000;

export class Slices {
  readonly #time: Time;
  readonly #waiting: (() => void)[] = [];
  #made = 0;
  #pausing = false;

  constructor(time: Time) {
    this.#time = time;
  }

  /** To be waited for before something is made; undefined: not now. */
  turn(): Promise<void> | undefined {
    if (!this.#pausing) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    return promise;
  }

  made(bytes: number): void {
    this.#made += bytes;
    if (this.#made >= sliceBytes && !this.#pausing) this.#pause();
  }

  #pause(): void {
    this.#pausing = true;
    this.#time.soon(() => {
      this.#made = 0;
      const next = this.#waiting.shift();
      if (next === undefined) this.#pausing = false;
      else {
        next();
        this.#pause();
      }
    });
  }
}
