/**
 * What is told the lengths: a policy on the same workflows that is shown them as they will come true. Nobody can have that. It is
 * how much there would be to gain by knowing everything that has arrived: an upper yardstick, and in no comparison a rival.
 */

import type { CellSpec } from "../cell.ts";

const suffix = ", told the lengths";

/** As result files and tables name it. No policy has such a name, so that none can be asked for by it. */
export function toldName(policy: string): string {
  return `${policy}${suffix}`;
}

export function isTold(name: string): boolean {
  return name.endsWith(suffix);
}

/** How result files and tables name what ran. */
export function rowName({ spec: { policy, told } }: { readonly spec: CellSpec }): string {
  return told === true ? toldName(policy) : policy;
}

/** What nobody can run does not head a table: it comes last. */
export function toldLast<T extends { readonly policy: string }>(rows: readonly T[]): readonly T[] {
  return [...rows.filter(({ policy }) => !isTold(policy)), ...rows.filter(({ policy }) => isTold(policy))];
}

/** Nothing for a policy. */
export function describeTold(name: string): string | undefined {
  if (!isTold(name)) return undefined;
  return `no policy: ${name.slice(0, -suffix.length)} shown lengths, times and branches as they will come true, which nobody can know`;
}
