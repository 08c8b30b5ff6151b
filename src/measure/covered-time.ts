/** How much time spans cover together, where they overlap counted once. */

type Span = { startUs: number; endUs: number };

/** Takes spans in the order of their ends. Keeps those that a longer one could still join: one after another they are one. */
export class CoveredTime {
  readonly #spans: Span[] = [];
  #us = 0;

  get us(): number {
    return this.#us;
  }

  add(startUs: number, endUs: number): void {
    let fromUs = startUs;
    for (let last = this.#spans.at(-1); last !== undefined && last.endUs >= startUs; last = this.#spans.at(-1)) {
      this.#us -= last.endUs - last.startUs;
      fromUs = Math.min(fromUs, last.startUs);
      this.#spans.pop();
    }
    this.#us += endUs - fromUs;
    this.#spans.push({ startUs: fromUs, endUs });
  }
}
