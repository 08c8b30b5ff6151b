/** Bounds of a cell's workflows, found once for all policies that run them one after another in a thread. */

import { boundsOf } from "../bound/bounds.ts";
import type { CellSpec } from "./cell.ts";
import type { Loaded } from "./load.ts";

const known = new Map<string, readonly number[]>();
/** Cells of one workload follow each other. */
const mostKnown = 4;

export function findBounds(
  { workload: source, cluster: name, change, seed }: CellSpec,
  { workload, models, cluster }: Loaded,
): readonly number[] {
  const key = JSON.stringify([source, name, change, seed]);
  const found = known.get(key) ?? boundsOf(workload.workflows, models, cluster).map(({ lowerUs }) => lowerUs);
  known.set(key, found);
  const [oldest] = known.keys();
  if (known.size > mostKnown && oldest !== undefined) known.delete(oldest);
  return found;
}
