/** Makes a failing world plainer: kinds of faults are switched off one after another, and faults taken from its end, while it still fails. */

import type { FaultKind } from "./faults.ts";
import type { LawName } from "./laws/report.ts";
import { torture } from "./torture.ts";
import type { TortureOptions, TortureResult } from "./trial.ts";

export type Shrunk = {
  readonly off: readonly FaultKind[];
  readonly mostFaults: number | undefined;
  readonly result: TortureResult;
};

/** Fails by the same law as `failed`, which `options` gave. */
export async function shrink(options: TortureOptions, failed: TortureResult, signal: AbortSignal): Promise<Shrunk> {
  const law = failed.violations[0]?.law;
  let off = new Set(options.off);
  let { mostFaults } = options;
  let result = failed;
  const attempt = async (change: Partial<TortureOptions>): Promise<boolean> => {
    if (signal.aborted) return false;
    const tried = await torture({ ...options, off, ...(mostFaults === undefined ? {} : { mostFaults }), ...change });
    if (!breaks(tried, law)) return false;
    result = tried;
    return true;
  };
  // The rarest first: what is left then is what matters.
  const kinds = [...failed.faults].sort(([, left], [, right]) => left - right).map(([kind]) => kind);
  for (const kind of kinds) {
    const without = new Set([...off, kind]);
    if (await attempt({ off: without })) off = without;
  }
  for (let most = total(result) >> 1; most > 0; most = most >> 1) {
    if (!(await attempt({ mostFaults: most }))) break;
    mostFaults = most;
  }
  for (let fewer = Math.min(mostFaults ?? Infinity, total(result)) - 1, tries = 0; fewer > 0 && tries < 20; tries++) {
    const step = Math.max(1, fewer >> 2);
    if (!(await attempt({ mostFaults: fewer }))) break;
    mostFaults = fewer;
    fewer -= step;
  }
  return { off: [...off], mostFaults, result };
}

function breaks({ violations }: TortureResult, law: LawName | undefined): boolean {
  return violations.some((violation) => violation.law === law);
}

function total({ faults }: TortureResult): number {
  let count = 0;
  for (const each of faults.values()) count += each;
  return count;
}
