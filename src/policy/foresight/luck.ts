/** Draws for a search that makes thousands of them: a small generator of its own, seeded from the policy's stream. */

export type Luck = {
  /** Uniform in [0, 1). */
  readonly next: () => number;
  /** Uniform whole number in [0, bound). */
  readonly below: (bound: number) => number;
};

/** Xorshift on 32 bits (G. Marsaglia 2003). */
export function createLuck(seed: number): Luck {
  let bits = seed | 0 || 1;
  const next = (): number => {
    bits ^= bits << 13;
    bits ^= bits >>> 17;
    bits ^= bits << 5;
    return (bits >>> 0) / 0x1_0000_0000;
  };
  return { next, below: (bound) => Math.floor(next() * bound) };
}

/** Of a text, and of one scenario among others: FNV-1a. */
export function seedOf(text: string, scenario = 0): number {
  let hash = 0x811c9dc5 ^ (scenario * 0x9e3779b1);
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash;
}
