/**
 * Graphs that are long or broad beyond what is recorded, annotated like recorded ones: to see where a policy gives in.
 * All figures are assumed.
 */

import type { Workflow } from "../../model/workflow.ts";
import { drawInteger, drawLogNormal } from "../../random/distributions.ts";
import type { Rng } from "../../random/rng.ts";
import { annotateGraph } from "../annotate.ts";
import type { Task, TaskGraph } from "../task-graph.ts";
import type { Family, FamilyRequest, SizeRange } from "./family.ts";

const depths: SizeRange = { least: 40, most: 60 };
const widths: SizeRange = { least: 64, most: 96 };
/** Enough for many models to come up. */
const categories = 24;
/** What a stage passes on beside its text. */
const edgeBytes = { median: 2e6, sigma: 1 };

export const deepChain: Family = {
  summary: "40 to 60 tasks of 24 categories in a row",
  generate: (request) => annotated(request, drawChain),
};

export const wideFan: Family = {
  summary: "one task, 62 to 94 of 24 categories side by side, and one that joins them",
  generate: (request) => annotated(request, drawFan),
};

function annotated(request: FamilyRequest, draw: (request: FamilyRequest) => TaskGraph): Workflow {
  const { id, seed, arrivalUs, error, reveal, models } = request;
  return annotateGraph(draw(request), {
    id,
    seed,
    arrivalUs,
    error,
    ...(reveal === undefined ? {} : { reveal }),
    ...(models === undefined ? {} : { models }),
  });
}

function drawChain({ id, rng, tasks: { least, most } = depths }: FamilyRequest): TaskGraph {
  const bytes = createBytes(rng);
  const first = rng.stream("first").below(categories);
  const tasks = Array.from({ length: drawInteger(rng.stream("size"), least, most) }, (_, index): Task => ({
    name: `step-${index}`,
    category: `step-${(first + index) % categories}`,
    parents: index === 0 ? [] : [{ task: index - 1, bytes: bytes() }],
  }));
  return { name: id, family: "deep-chain", tasks };
}

function drawFan({ id, rng, tasks: { least, most } = widths }: FamilyRequest): TaskGraph {
  const bytes = createBytes(rng);
  const first = rng.stream("first").below(categories);
  const width = Math.max(1, drawInteger(rng.stream("size"), least, most) - 2);
  const between = Array.from({ length: width }, (_, index): Task => ({
    name: `part-${index}`,
    category: `part-${(first + index) % categories}`,
    parents: [{ task: 0, bytes: bytes() }],
  }));
  const join: Task = {
    name: "join",
    category: "join",
    parents: between.map((_, index) => ({ task: index + 1, bytes: bytes() })),
  };
  return { name: id, family: "wide-fan", tasks: [{ name: "split", category: "split", parents: [] }, ...between, join] };
}

function createBytes(rng: Rng): () => number {
  const draws = rng.stream("bytes");
  return () => Math.round(drawLogNormal(draws, edgeBytes.median, edgeBytes.sigma));
}
