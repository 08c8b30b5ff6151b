/** Records by names that callers choose: any text, `constructor` too, and as many as they like. */

/** Of more classes of workflows than this, those of which the least is known are forgotten. */
export const mostClasses = 256;

/** The class to forget, the oldest of those of which the least is known, but for the one at hand; undefined while there is room. */
export function leastKnown<Value>(
  classes: Readonly<Record<string, Value>>,
  countOf: (value: Value) => number,
  atHand: string,
): string | undefined {
  const names = Object.keys(classes);
  if (names.length <= mostClasses) return undefined;
  let least: string | undefined;
  let leastCount = Infinity;
  for (const name of names) {
    const count = countOf(classes[name] as Value);
    if (name === atHand || count >= leastCount) continue;
    least = name;
    leastCount = count;
  }
  return least;
}

/** Of what may be anything: what is a number and not less than nothing, by name. */
export function ownNumbers(given: unknown): Readonly<Record<string, number>> {
  return ownEntries(given, isAmount);
}

/** Of what may be anything: what it has by name and is as it should be. */
export function ownEntries<Value>(
  given: unknown,
  isFit: (value: unknown) => value is Value,
): Readonly<Record<string, Value>> {
  if (!isRecord(given)) return {};
  const fit = Object.entries(given).filter((entry): entry is [string, Value] => isFit(entry[1]));
  return Object.fromEntries(fit);
}

export function isAmount(value: unknown): value is number {
  return Number.isFinite(value) && (value as number) >= 0;
}

export function isRecord(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
