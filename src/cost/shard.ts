/** What running one stage as several shards costs beyond the shards: agreement before, and the merge after. */

/** Per shard beyond the first: telling it, and collecting its part of the result. */
const syncUs = 5_000;

export function shardUs(shards: number): number {
  return (shards - 1) * syncUs;
}

/** One share of a stage's items, as sequences on an engine that runs at most `maxSequences` side by side. */
export type ShareShape = {
  readonly sequences: number;
  /** How many times over: items beyond `maxSequences` run one wave after another. */
  readonly waves: number;
};

export function shareShape(items: number, maxSequences: number): ShareShape {
  const sequences = Math.min(items, maxSequences);
  return { sequences, waves: Math.ceil(items / sequences) };
}
