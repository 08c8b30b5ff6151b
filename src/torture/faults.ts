/** What may go wrong, how often, and whether it does: drawn by the seed, a stream a kind, so that one kind switched off leaves the rest. */

import type { Rng } from "../random/rng.ts";

export type FaultKind = keyof typeof faultKinds;

/**
 * `chance`: at each occasion, such as a call of the store. `everyMs`: on average, as long as faults are on. Each world multiplies
 * both by a factor of its own for each kind, which is often 0: worlds with few kinds reach other corners than those with all.
 */
export const faultKinds = {
  crash: {
    chance: 0.002,
    everyMs: 15_000,
    summary: "a gateway is killed, at a call of the store, an engine, another gateway, or at any time",
  },
  stop: { everyMs: 12_000, summary: "a gateway is asked to end, and given little time for it" },
  pause: { everyMs: 9000, summary: "a gateway stands still for a while, and goes on as if nothing had been" },
  lag: { chance: 0.01, summary: "a gateway takes up what has come only after a while" },
  "clock-jump": { everyMs: 6000, summary: "a clock on the wall jumps, forth or back" },
  "store-refused": { chance: 0.02, summary: "the store does not take a verb, as it cannot be reached" },
  "store-unsure": { chance: 0.02, summary: "the store does what it is asked for, and its answer is lost" },
  "store-late": {
    chance: 0.005,
    summary: "the store does what it is asked for only when its answer is not waited for any more",
  },
  "store-slow": { chance: 0.05, summary: "a verb of the store takes long" },
  "store-away": { everyMs: 15_000, summary: "the store is away for a while" },
  "store-full": { everyMs: 20_000, summary: "the store takes no writes for a while" },
  "engine-dead": { everyMs: 8000, summary: "an engine dies, and is there again later" },
  "engine-cut": { chance: 0.03, summary: "an engine breaks off an answer" },
  "engine-stall": { chance: 0.01, summary: "an engine says nothing more" },
  "engine-busy": { chance: 0.03, summary: "an engine answers 503" },
  "engine-wrong": { chance: 0.01, summary: "an engine answers 500, or 400" },
  "engine-slow": { chance: 0.05, summary: "an engine takes many times as long" },
  "engine-forgets": { everyMs: 9000, summary: "an engine drops a model by itself" },
  "load-fails": { chance: 0.1, summary: "an engine cannot load a model" },
  "tool-fails": { chance: 0.1, summary: "a tool does not answer" },
  "client-gone": { chance: 0.05, summary: "a client leaves" },
  "client-again": { chance: 0.1, summary: "a client sends the same once more, also to another gateway" },
  "answer-lost": { chance: 0.03, summary: "a gateway's answer does not reach its client" },
  "line-lost": { chance: 0.004, summary: "a line between gateways is lost" },
  "line-doubled": { chance: 0.02, summary: "a line between gateways comes twice" },
  "line-late": { chance: 0.03, summary: "a line between gateways takes long, and those behind it wait" },
  "line-swapped": { chance: 0.004, summary: "a line between gateways overtakes another" },
  "link-cut": { everyMs: 6000, summary: "a connection between two gateways ends" },
  partition: { everyMs: 12_000, summary: "a gateway is cut off from the other gateways, from the store, or from both" },
} as const satisfies Readonly<Record<string, FaultRate>>;

type FaultRate = { readonly chance?: number; readonly everyMs?: number; readonly summary: string };

export const allFaultKinds = Object.keys(faultKinds) as readonly FaultKind[];

export type Faults = {
  /** Whether it goes wrong this time. Counted. */
  readonly strikes: (kind: FaultKind) => boolean;
  /** Until it goes wrong by itself, in microseconds; infinite if it does not. */
  readonly nextUs: (kind: FaultKind) => number;
  /** It has gone wrong by itself. */
  readonly count: (kind: FaultKind) => void;
  /** What is drawn for a fault of this kind: how long, which one. */
  readonly rng: (kind: FaultKind) => Rng;
  readonly active: () => boolean;
  /** From now on nothing goes wrong. */
  readonly stop: () => void;
  readonly counts: () => ReadonlyMap<FaultKind, number>;
  readonly total: () => number;
};

const factors = [0, 0, 0.3, 1, 1, 3, 8];

/** Without the kinds that are `off`; `most` faults in all. */
export function createFaults(rng: Rng, off: ReadonlySet<FaultKind>, most = Infinity): Faults {
  const counts = new Map<FaultKind, number>();
  let total = 0;
  let stopped = most <= 0;
  const drawn = allFaultKinds.map((kind) => {
    const own = rng.stream(kind);
    const factor = factors[own.below(factors.length)] ?? 0;
    const { chance = 0, everyMs = Infinity }: FaultRate = faultKinds[kind];
    const scale = off.has(kind) ? 0 : factor;
    const perUs = scale / (everyMs * 1000);
    return [kind, { chance: Math.min(0.5, chance * scale), perUs, rng: own, when: own.stream("when") }] as const;
  });
  const kinds = new Map(drawn);
  const of = (kind: FaultKind) => {
    const known = kinds.get(kind);
    if (known === undefined) throw new Error(`no fault ${kind}`);
    return known;
  };
  const count = (kind: FaultKind): void => {
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    total += 1;
    if (total >= most) stopped = true;
  };
  return {
    strikes: (kind) => {
      const { chance, when } = of(kind);
      // Drawn in any case, so that whether faults are on changes nothing else.
      if (when.next() >= chance || stopped) return false;
      count(kind);
      return true;
    },
    nextUs: (kind) => {
      const { perUs, when } = of(kind);
      const draw = when.next();
      return stopped || perUs === 0 ? Infinity : Math.max(1, -Math.log(1 - draw) / perUs);
    },
    count,
    rng: (kind) => of(kind).rng,
    active: () => !stopped,
    stop: () => {
      stopped = true;
    },
    counts: () => counts,
    total: () => total,
  };
}
