/**
 * On how many engines each model is held, in a forecast. What comes later is not always revealed: a model that nothing in sight
 * calls is called again one day all the same, and if it is held nowhere by then it must be loaded.
 */

export class Copies {
  /** Per model: engines that hold it or are about to, now and in the forecast. */
  readonly #now: Int32Array;
  readonly #left: Int32Array;
  /** Per model: what it takes to load it again, where that is fastest. */
  readonly #reloadUs: Float64Array;

  constructor(reloadUs: Float64Array) {
    this.#now = new Int32Array(reloadUs.length);
    this.#left = new Int32Array(reloadUs.length);
    this.#reloadUs = reloadUs;
  }

  /** It is held by one engine more, whatever the forecast does. */
  note(model: number): void {
    this.#now[model] = (this.#now[model] ?? 0) + 1;
  }

  reset(): void {
    this.#left.set(this.#now);
  }

  add(model: number): void {
    this.#left[model] = (this.#left[model] ?? 0) + 1;
  }

  remove(model: number): void {
    this.#left[model] = (this.#left[model] ?? 0) - 1;
  }

  isHeldTwice(model: number): boolean {
    return (this.#left[model] ?? 0) > 1;
  }

  /** To load what is held now and nowhere in the end. */
  lostUs(): number {
    let lostUs = 0;
    for (let model = 0; model < this.#left.length; model++)
      if (this.#left[model] === 0 && (this.#now[model] ?? 0) > 0) lostUs += this.#reloadUs[model] ?? 0;
    return lostUs;
  }
}
