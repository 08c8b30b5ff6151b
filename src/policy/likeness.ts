/**
 * Stages are alike that call one model and may go to the same engines. Where so many wait that a policy looks at some alone, those alike
 * must not hide the others.
 */

import type { VisibleModelStage } from "../model/visible.ts";

export type Likeness = string;

export function likenessOf({ model, allow }: VisibleModelStage): Likeness {
  return allow === undefined ? model : `${model} ${JSON.stringify(allow)}`;
}
