/** Since when engines have had the models that they use. */

import type { Tenure } from "../../agents/serving.ts";
import type { View } from "../../policy.ts";

/** An engine uses what it has used last, from the first plan on that sees it loaded. */
export function followTenures(before: readonly Tenure[], { cluster, nowUs }: View): readonly Tenure[] {
  const known = new Map(before.map((tenure) => [tenure.engine, tenure]));
  const tenures: Tenure[] = [];
  for (const { id, residents } of cluster) {
    const model = residents.findLast(({ loading }) => !loading)?.model;
    const tenure = known.get(id);
    if (model !== undefined) tenures.push(tenure?.model === model ? tenure : { engine: id, model, sinceUs: nowUs });
  }
  return tenures;
}
