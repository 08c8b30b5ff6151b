/** Which models the categories of foreign graphs are given, by share. */

import type { ModelId } from "../../model/model.ts";
import { drawWeighted } from "../../random/distributions.ts";
import { createRng } from "../../random/rng.ts";

export type ModelShare = {
  readonly model: ModelId;
  readonly kind: "llm" | "embed";
  /** Of the categories, relative to the other shares. */
  readonly share: number;
};

/** For a cluster with an 80 to 141 GB device somewhere. */
export const annotationModels: readonly ModelShare[] = [
  { model: "embed-1.2b", kind: "embed", share: 20 },
  { model: "llama-3.1-8b", kind: "llm", share: 30 },
  { model: "phi-4-14.7b", kind: "llm", share: 16 },
  { model: "vision-10.6b", kind: "llm", share: 10 },
  { model: "qwen2.5-32b", kind: "llm", share: 14 },
  { model: "llama-3.1-70b-fp8", kind: "llm", share: 10 },
];

/** Five models that do not fit together on cards of 24 to 48 GB. */
export const workshopModels: readonly ModelShare[] = annotationModels.filter(
  ({ model }) => model !== "llama-3.1-70b-fp8",
);

/** The model of a category: by a stable hash of seed and category, so that it is the same in all workflows of a seed. */
export function pickModel(
  seed: number,
  category: string,
  kind: "llm" | "embed" | undefined,
  models: readonly ModelShare[],
): ModelShare {
  const fitting = models.filter((entry) => kind === undefined || entry.kind === kind);
  if (fitting.length === 0) throw new Error(`no ${kind ?? ""} model is given for category ${category}`);
  return drawWeighted(
    createRng(seed, "category-model").stream(category),
    fitting.map((entry) => [entry, entry.share] as const),
  );
}
