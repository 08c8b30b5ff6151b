/** Times at which windows begin or end. */

/** 0, and at most so many at even steps among the different ones. */
export function pickThresholds(values: readonly number[], most: number): readonly number[] {
  const sorted = [...new Set(values)].sort((left, right) => left - right);
  if (sorted.length <= most) return sorted.includes(0) ? sorted : [0, ...sorted];
  const picked = new Set([0]);
  for (let step = 0; step < most; step++) picked.add(sorted[Math.floor((step * (sorted.length - 1)) / most)] ?? 0);
  return [...picked];
}
