/** Keeps what clients name from filling up the metrics. */

export type LabelCap = (value: string) => string;

const other = "other";

/** The first `limit` distinct values are kept as they are; any later one is `other`. */
export function createLabelCap(limit: number): LabelCap {
  const kept = new Set<string>();
  return (value) => {
    if (kept.has(value)) return value;
    if (kept.size >= limit) return other;
    kept.add(value);
    return value;
  };
}
