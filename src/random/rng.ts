/**
 * Random numbers by counting: draw n of a stream is a hash of (seed, stream, n) and of nothing else,
 * so that one more draw here never changes what is drawn there.
 */

export type Rng = {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform whole number in [0, bound). */
  below(bound: number): number;
  /** A stream of its own under this one. */
  stream(name: string): Rng;
};

/** The stream `name` of `seed`. Equal arguments give equal draws. */
export function createRng(seed: number, name = ""): Rng {
  return createFromKey(mix(hashText(name, seed >>> 0) ^ Math.floor(seed / 0x1_0000_0000)));
}

function createFromKey(key: number): Rng {
  let count = 0;
  const next = (): number => {
    count = (count + 1) | 0;
    const high = mix(key + Math.imul(count, 0x9e37_79b9));
    const low = mix(high ^ 0x5851_f42d ^ key);
    return ((high >>> 0) * 0x20_0000 + ((low >>> 0) & 0x1f_ffff)) / 0x20_0000_0000_0000;
  };
  return {
    next,
    below: (bound) => Math.floor(next() * bound),
    stream: (name) => createFromKey(mix(hashText(name, key))),
  };
}

/** Finaliser with full avalanche on 32 bits (the low-bias constants of C. Wellons' hash prospector). */
function mix(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x21f0_aaad);
  bits = Math.imul(bits ^ (bits >>> 15), 0x735a_2d97);
  return bits ^ (bits >>> 15);
}

function hashText(text: string, seed: number): number {
  let bits = mix(seed + 0x9e37_79b9);
  for (let index = 0; index < text.length; index++)
    bits = mix(bits ^ Math.imul(text.charCodeAt(index) + 1, 0x85eb_ca6b));
  return bits;
}
