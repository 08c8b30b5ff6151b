/**
 * Stages are alike that call one model and may go to the same engines; those that only embed go where nobody could decode. Where so many
 * wait that a policy looks at some alone, those alike must not hide the others.
 */

import type { VisibleModelStage } from "../model/visible.ts";

export type Likeness = string;

export function likenessOf({ kind, model, allow }: VisibleModelStage): Likeness {
  const called = kind === "embed" ? `${model} embed` : model;
  return allow === undefined ? called : `${called} ${JSON.stringify(allow)}`;
}
