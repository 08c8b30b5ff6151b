/** Work that comes all at once, such as the prompts of a map, is done a little at a time, so that others have their turn in between. */

import type { Time } from "../live/time.ts";

/** After so long others have theirs. */
const burstUs = 10_000;

/** One after another, and after each burst others have their turn. */
export async function* inBursts<T>(all: readonly T[], time: Time): AsyncGenerator<T, void, undefined> {
  let untilUs = time.nowUs() + burstUs;
  for (const one of all) {
    if (time.nowUs() >= untilUs) {
      await new Promise<void>((resolve) => time.soon(resolve));
      untilUs = time.nowUs() + burstUs;
    }
    yield one;
  }
}

export class Slices {
  readonly #time: Time;
  readonly #waiting: (() => void)[] = [];
  #spentUs = 0;
  #pausing = false;

  constructor(time: Time) {
    this.#time = time;
  }

  /** Does it when it is its turn; undefined if the signal was aborted by then. */
  async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    if (this.#pausing) await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    return signal.aborted ? undefined : this.#count(work);
  }

  /** How long it took until it began to wait for something. */
  #count<T>(work: () => T): T {
    const startUs = this.#time.nowUs();
    try {
      return work();
    } finally {
      this.#spentUs += this.#time.nowUs() - startUs;
      if (this.#spentUs >= burstUs && !this.#pausing) this.#pause();
    }
  }

  /** One at a time from then on, as long as any wait. */
  #pause(): void {
    this.#pausing = true;
    this.#time.soon(() => {
      this.#spentUs = 0;
      const next = this.#waiting.shift();
      if (next === undefined) this.#pausing = false;
      else {
        next();
        this.#pause();
      }
    });
  }
}
