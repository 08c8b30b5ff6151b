/** What goes wrong on purpose: rules that each call is held against, by count, by chance or until they are lifted. */

import type { Rng } from "../random/rng.ts";

export type Fault = FaultKind & {
  /** How many calls it meets; absent: until it is cleared. */
  readonly count?: number;
  /** Chance that it meets a call, 0 to 1; absent: it meets each. */
  readonly chance?: number;
  /** `calls` ask a model, `looks` are everything else. Calls unless said; `metrics` always means looks. */
  readonly on?: "calls" | "looks" | "all";
};

export type FaultKind =
  /** The connection is reset before any answer. */
  | { readonly kind: "refuse" }
  /** 503. */
  | { readonly kind: "busy" }
  /** 500. */
  | { readonly kind: "error" }
  /** 200 with a body that is no JSON. */
  | { readonly kind: "garbage" }
  /** No headers for so long; absent: ever. */
  | { readonly kind: "stall-headers"; readonly forMs?: number }
  /** Nothing more after so many pieces, for so long; absent: ever. */
  | { readonly kind: "stall"; readonly after?: number; readonly forMs?: number }
  /** The connection is reset after so many pieces. */
  | { readonly kind: "cut"; readonly after?: number }
  /** The whole engine goes after so many pieces, and comes back empty; absent: never. */
  | { readonly kind: "die"; readonly after?: number; readonly forMs?: number }
  /** `/metrics` lies. */
  | { readonly kind: "metrics"; readonly lie: MetricsLie }
  /** While it stands, everything takes so many times longer. */
  | { readonly kind: "slow"; readonly factor: number };

export type MetricsLie = "zeros" | "huge" | "garbage" | "html";

export type FaultDesk = {
  /** Puts up a rule. The newest goes first. */
  readonly add: (fault: Fault) => void;
  readonly clear: () => void;
  /** Those that still stand. */
  readonly standing: () => readonly Fault[];
  /** How often each kind has struck. */
  readonly counts: () => Readonly<Record<string, number>>;
  /** The engine goes now, and comes back after `forMs`; absent: never. */
  readonly die: (forMs?: number) => Promise<void>;
};

export type FaultBook = Omit<FaultDesk, "die"> & {
  /** What meets this call or look, if anything. */
  readonly strike: (on: "calls" | "looks") => Fault | undefined;
  readonly strikeMetrics: () => MetricsLie | undefined;
  readonly slowFactor: () => number;
  readonly note: (kind: string) => void;
};

/** More rules than this are refused: somebody adds them in a loop. */
const mostRules = 1000;

type Rule = { readonly fault: Fault; left: number };

export function createFaultBook(faults: readonly Fault[], rng: Rng): FaultBook {
  let rules: Rule[] = [];
  const struck = new Map<string, number>();
  const note = (kind: string): void => void struck.set(kind, (struck.get(kind) ?? 0) + 1);
  const add = (fault: Fault): void => {
    if (rules.length >= mostRules) throw new RangeError(`no more than ${mostRules} faults stand at once`);
    rules = [{ fault, left: fault.count ?? Infinity }, ...rules];
  };
  const take = (fits: (fault: Fault) => boolean): Fault | undefined => {
    const rule = rules.find(({ fault }) => fits(fault) && (fault.chance === undefined || rng.next() < fault.chance));
    if (rule === undefined) return undefined;
    rule.left--;
    if (rule.left <= 0) rules = rules.filter((each) => each !== rule);
    note(rule.fault.kind);
    return rule.fault;
  };
  for (const fault of faults) add(fault);
  return {
    add,
    clear: () => void (rules = []),
    standing: () => rules.map(({ fault, left }) => (left === Infinity ? fault : { ...fault, count: left })),
    counts: () => Object.fromEntries(struck),
    strike: (on) =>
      take((fault) => {
        if (fault.kind === "metrics" || fault.kind === "slow") return false;
        const meets = fault.on ?? "calls";
        return meets === "all" || meets === on;
      }),
    strikeMetrics: () => {
      const fault = take(({ kind }) => kind === "metrics");
      return fault?.kind === "metrics" ? fault.lie : undefined;
    },
    slowFactor: () => {
      let factor = 1;
      for (const { fault } of rules) if (fault.kind === "slow") factor *= fault.factor;
      return factor;
    },
    note,
  };
}
