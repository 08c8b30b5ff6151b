/** Asks once nothing has happened for a while, and then again only when there is something new. */

import type { Timer } from "./time.ts";
import type { World } from "./world.ts";

const restMs = 100;

export class Rest {
  readonly #world: World;
  readonly #ask: () => void;
  #timer: Timer | undefined;
  /** The journal's next position when it last asked. */
  #askedAt = 0;

  constructor(world: World, ask: () => void) {
    this.#world = world;
    this.#ask = ask;
  }

  begin(): void {
    this.stop();
    if (this.#world.sequence === this.#askedAt) return;
    this.#timer = this.#world.time.after(
      restMs,
      () => {
        this.#timer = undefined;
        this.#ask();
        this.#askedAt = this.#world.sequence;
      },
      "unref",
    );
  }

  stop(): void {
    this.#timer?.stop();
    this.#timer = undefined;
  }
}
