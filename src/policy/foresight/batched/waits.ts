/** Who waits for whom in a scene of batched engines, where what has begun ends when the decoder says so. */

import type { Scene } from "../scene.ts";

/** What has begun, by the source that is its output. */
type Sources = { readonly stages: readonly { readonly source: number }[] };

/** By stage and source. */
export function listChildren({ stages, parents, parentStarts, sourceEndUs }: Scene): readonly (readonly number[])[] {
  const children: number[][] = Array.from({ length: stages.length + sourceEndUs.length }, () => []);
  for (let stage = 0; stage < stages.length; stage++)
    for (let at = parentStarts[stage]!; at < parentStarts[stage + 1]!; at++) children[parents[at]!]!.push(stage);
  return children;
}

/** Sources that are still to come, though nothing on an engine brings them forth. */
export function listTimed({ stages, sourceEndUs, nowUs }: Scene, { stages: begun }: Sources): readonly number[] {
  const served = new Set(begun.map(({ source }) => source));
  return Array.from(sourceEndUs.keys(), (index) => stages.length + index).filter(
    (source) => !served.has(source) && sourceEndUs[source - stages.length]! > nowUs,
  );
}

/** By stage, how many of its parents are still to come. */
export function countParents(
  { stages, parents, parentStarts }: Scene,
  { stages: begun }: Sources,
  timed: readonly number[],
): Int32Array {
  const awaited = new Set([...timed, ...begun.map(({ source }) => source)]);
  return Int32Array.from(stages, (_, stage) => {
    let count = 0;
    for (let at = parentStarts[stage]!; at < parentStarts[stage + 1]!; at++)
      if (parents[at]! < stages.length || awaited.has(parents[at]!)) count += 1;
    return count;
  });
}
