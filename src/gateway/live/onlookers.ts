/** Those who look on: each is told a journal that begins when it comes, and then whole lines, until the world is another. */

export type OnlookersHost = {
  /** What a journal that begins now has at its head. */
  readonly opening: () => string;
  /** Calls back with lines from now on; returns how to stop. */
  readonly follow: (take: (lines: string) => void) => () => void;
};

export class Onlookers {
  readonly #host: OnlookersHost;
  readonly #ends = new Set<() => void>();

  constructor(host: OnlookersHost) {
    this.#host = host;
  }

  watch(take: (lines: string) => void, ended: () => void): () => void {
    const stop = this.#host.follow(take);
    this.#ends.add(ended);
    take(this.#host.opening());
    return () => {
      stop();
      this.#ends.delete(ended);
    };
  }

  /** What they were told first does not hold any more. */
  end(): void {
    // Whoever is told may begin again at once.
    const ends = [...this.#ends];
    for (const ended of ends) ended();
  }
}
