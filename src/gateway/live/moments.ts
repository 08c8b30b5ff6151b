/**
 * Every call from outside is a moment: its records carry one time, and once it is over the policy is asked. Moments inside of one
 * are part of it. What a plan sets off at once, such as a share that fails, is another moment, right after.
 */

import type { World } from "./world.ts";

export class Moments {
  readonly #world: World;
  readonly #onOver: () => void;
  #depth = 0;
  /** A plan is being carried out: all of it happens at one time. */
  #carrying = false;
  /** Something happened meanwhile that the policy does not know of. */
  #left = false;
  #closed = false;
  readonly #watchers = new Set<() => void>();

  /** `onOver` asks the policy. */
  constructor(world: World, onOver: () => void) {
    this.#world = world;
    this.#onOver = onOver;
  }

  /** Lets time pass, for what needs no answer of the policy. */
  begin(): void {
    if (this.#depth === 0 && !this.#carrying) this.#world.tick();
  }

  live<T>(what: () => T): T {
    this.begin();
    this.#left ||= this.#carrying;
    this.#depth += 1;
    try {
      return what();
    } finally {
      this.#depth -= 1;
      if (this.#depth === 0 && !this.#carrying) this.#end();
    }
  }

  /** Carries a plan out. */
  carry(what: () => void): void {
    this.#carrying = true;
    try {
      what();
    } finally {
      this.#carrying = false;
    }
    if (!this.#left) return;
    this.#left = false;
    this.#world.time.soon(() => this.live(() => {}));
  }

  #end(): void {
    if (this.#closed) return;
    this.#onOver();
    for (const watcher of this.#watchers) watcher();
  }

  /** Resolves at the end of the first moment in which `holds` does, or when the signal says so. */
  until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (holds() || signal.aborted) return Promise.resolve();
    const done = (): void => {
      this.#watchers.delete(watch);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const watch = (): void => {
      if (holds()) done();
    };
    this.#watchers.add(watch);
    signal.addEventListener("abort", done);
    return promise;
  }

  /** The policy is asked no more. */
  close(): void {
    this.#closed = true;
  }
}
