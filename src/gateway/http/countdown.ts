/** Time that runs out, but stands still while it is held. */

export class Countdown {
  #timer: NodeJS.Timeout | undefined;
  #what: (() => void) | undefined;
  #leftMs = 0;
  #sinceMs = 0;

  /** Does this after so long, and nothing of what was begun before. */
  begin(ms: number, what: () => void): void {
    this.stop();
    this.#leftMs = ms;
    this.#what = what;
    this.goOn();
  }

  get leftMs(): number {
    return this.#timer === undefined ? this.#leftMs : this.#leftMs - (performance.now() - this.#sinceMs);
  }

  hold(): void {
    this.#leftMs = this.leftMs;
    this.#halt();
  }

  goOn(): void {
    if (this.#timer !== undefined || this.#what === undefined) return;
    this.#sinceMs = performance.now();
    this.#timer = setTimeout(this.#what, Math.max(0, this.#leftMs));
  }

  stop(): void {
    this.#what = undefined;
    this.#halt();
  }

  #halt(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
