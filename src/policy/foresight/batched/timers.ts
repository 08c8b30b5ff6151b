/** Things that happen at a time, the earliest first: a binary heap over flat arrays. Of equal times the smaller number goes first. */

export class Timers {
  readonly #us: number[] = [];
  readonly #numbers: number[] = [];

  clear(): void {
    this.#us.length = 0;
    this.#numbers.length = 0;
  }

  /** Infinity if nothing is to happen. */
  get nextUs(): number {
    return this.#us.length === 0 ? Infinity : this.#us[0]!;
  }

  add(us: number, number: number): void {
    let at = this.#us.length;
    this.#us.push(us);
    this.#numbers.push(number);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isLater(parent, at)) break;
      this.#swap(parent, at);
      at = parent;
    }
  }

  /** The number of what happens first, which is taken out. */
  take(): number {
    const first = this.#numbers[0]!;
    const us = this.#us.pop()!;
    const number = this.#numbers.pop()!;
    if (this.#us.length === 0) return first;
    this.#us[0] = us;
    this.#numbers[0] = number;
    for (let at = 0; ;) {
      let least = at;
      for (let child = 2 * at + 1; child <= 2 * at + 2; child++)
        if (child < this.#us.length && this.#isLater(least, child)) least = child;
      if (least === at) return first;
      this.#swap(least, at);
      at = least;
    }
  }

  #isLater(left: number, right: number): boolean {
    return (
      this.#us[left]! > this.#us[right]! ||
      (this.#us[left] === this.#us[right] && this.#numbers[left]! > this.#numbers[right]!)
    );
  }

  #swap(left: number, right: number): void {
    const us = this.#us[left]!;
    const number = this.#numbers[left]!;
    this.#us[left] = this.#us[right]!;
    this.#numbers[left] = this.#numbers[right]!;
    this.#us[right] = us;
    this.#numbers[right] = number;
  }
}
