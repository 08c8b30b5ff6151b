/** How much time may be spent on something: a part of all that passes, and a little ahead of it. */

export class Allowance {
  readonly #part: number;
  readonly #aheadUs: number;
  #spentUs = 0;
  #atUs = 0;

  constructor(part: number, aheadUs: number) {
    this.#part = part;
    this.#aheadUs = aheadUs;
  }

  spend(nowUs: number, us: number): void {
    this.#spentUs = this.#owedUs(nowUs) + us;
    this.#atUs = nowUs;
  }

  isLeft(nowUs: number): boolean {
    return this.#owedUs(nowUs) <= this.#aheadUs;
  }

  #owedUs(nowUs: number): number {
    return Math.max(0, this.#spentUs - this.#part * (nowUs - this.#atUs));
  }
}
