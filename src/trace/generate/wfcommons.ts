/**
 * Graphs of the families of WfInstances, made after what was measured on the recorded ones and annotated like them.
 * Sizes are drawn log-uniformly between the smallest and the largest recorded one of at most 300 tasks or so.
 */

import type { Workflow } from "../../model/workflow.ts";
import { drawOne } from "../../random/distributions.ts";
import { annotateGraph } from "../annotate.ts";
import type { TaskGraph } from "../task-graph.ts";
import type { Family, FamilyRequest, SizeRange } from "./family.ts";
import { draftGraph } from "./graph-draft.ts";
import { type Recipe, recipes } from "./wfcommons-recipes.ts";

export const wfcommonsFamilies: { readonly [name: string]: Family } = Object.fromEntries(
  Object.entries(recipes).map(([name, recipe]) => [name, toFamily(name, recipe)]),
);

export const wfcommons: Family = {
  summary: "one of the scientific families (blast to seismology), drawn uniformly, then its size",
  generate: (request) => drawOne(request.rng.stream("recipe"), Object.values(wfcommonsFamilies)).generate(request),
};

function toFamily(name: string, recipe: Recipe): Family {
  return { summary: recipe.summary, generate: (request) => annotated(name, recipe, request) };
}

function annotated(name: string, recipe: Recipe, request: FamilyRequest): Workflow {
  const graph = draftOf(name, recipe, request);
  const { id, seed, arrivalUs, error, reveal, models } = request;
  return annotateGraph(graph, {
    id,
    seed,
    arrivalUs,
    error,
    ...(reveal === undefined ? {} : { reveal }),
    ...(models === undefined ? {} : { models }),
  });
}

/** The graph before it is annotated. */
export function draftOf(
  name: string,
  recipe: Recipe,
  { id, rng, tasks: sizes = recipe.sizes }: Pick<FamilyRequest, "id" | "rng" | "tasks">,
): TaskGraph {
  const tasks = drawSize(sizes, rng.stream("size").next());
  return draftGraph(id, name, rng.stream("draft"), (draft) => recipe.build(draft, tasks, rng.stream("shape")));
}

function drawSize({ least, most }: SizeRange, uniform: number): number {
  return Math.round(least * (most / least) ** uniform);
}
