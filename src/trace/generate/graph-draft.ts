/** Writes down a graph of tasks of known categories, and draws their runtimes. */

import { drawNormal } from "../../random/distributions.ts";
import type { Rng } from "../../random/rng.ts";
import type { Task, TaskGraph } from "../task-graph.ts";
import { type Category, edgeBytes, taskFacts } from "./wfcommons-facts.ts";

export type Drafting = {
  /** Adds a task after its parents and says its position. */
  readonly add: (category: Category, parents: readonly number[]) => number;
};

export function draftGraph(name: string, family: string, rng: Rng, build: (draft: Drafting) => void): TaskGraph {
  const tasks: Task[] = [];
  const categories: Category[] = [];
  const within = rng.stream("runtimes");
  const ofGraph = new Map<Category, number>();
  const add = (category: Category, parents: readonly number[]): number => {
    const facts = taskFacts[category];
    let shift = ofGraph.get(category);
    if (shift === undefined) {
      shift = facts.between * drawNormal(rng.stream(`between ${category}`));
      ofGraph.set(category, shift);
    }
    categories.push(category);
    tasks.push({
      name: `${category}-${tasks.length}`,
      category,
      parents: parents.map((task) => ({ task, bytes: edgeBytes[`${category} < ${categories[task]}`] ?? 0 })),
      runtimeSeconds: facts.seconds * Math.exp(shift + facts.within * drawNormal(within)),
    });
    return tasks.length - 1;
  };
  build({ add });
  return { name, family, tasks };
}
