/** A quantile of values pooled over groups, for resamples of the groups: what a bootstrap asks thousands of times. */

/** The quantile by nearest rank when group `i` is taken `counts[i]` times; 0 for no values. */
export type PooledQuantile = (counts: readonly number[]) => number;

/** Sorts once; each quantile then costs a walk over the values above it. */
export function createPooledQuantile(groups: readonly (readonly number[])[], share: number): PooledQuantile {
  const tagged = groups.flatMap((values, group) => values.map((value) => ({ value, group })));
  tagged.sort((left, right) => right.value - left.value);
  const sizes = groups.map((values) => values.length);
  return (counts) => {
    let total = 0;
    for (const [group, size] of sizes.entries()) total += size * (counts[group] ?? 0);
    if (total === 0) return 0;
    const above = total - Math.max(1, Math.ceil(share * total - 1e-9));
    let passed = 0;
    for (const { value, group } of tagged) {
      passed += counts[group] ?? 0;
      if (passed > above) return value;
    }
    return 0;
  };
}
