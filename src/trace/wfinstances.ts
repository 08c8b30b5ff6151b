/**
 * Recorded scientific workflows, one a line, without what the graph does not need:
 * `{file, app, tasks: [{n: name, p: [positions of parents], eb: [bytes from each parent], r: runtime in seconds}]}`.
 */

import { categoryOf, familyOf } from "./category.ts";
import { InputError } from "./input-error.ts";
import { maxBytes, maxListEntries, maxStagesPerWorkflow, maxWorkflows } from "./limits.ts";
import { parseLines } from "./parse-text.ts";
import { type Place, refuse, stepInto } from "./place.ts";
import { array, integer, number, openObject, optional, parseAs, type Parsed, text } from "./shape.ts";
import type { Task, TaskGraph } from "./task-graph.ts";
import { sortTasks } from "./wfformat.ts";

const instanceShape = openObject({
  file: text(),
  app: text(),
  tasks: array(
    openObject({
      n: text(),
      p: array(integer(), { max: maxListEntries }),
      eb: array(number({ min: 0, max: maxBytes }), { max: maxListEntries }),
      r: optional(number({ min: 0, max: 1e9 })),
    }),
    { min: 1, max: maxStagesPerWorkflow },
  ),
});

type TaskEntry = Parsed<typeof instanceShape>["tasks"][number];

export function readWfinstances(content: string, file: string): readonly TaskGraph[] {
  const graphs: TaskGraph[] = [];
  for (const { label, value } of parseLines(content, file)) {
    if (graphs.length === maxWorkflows)
      throw new InputError(file, label, "another workflow", `at most ${maxWorkflows}`);
    const instance = parseAs(instanceShape, value, file, label);
    const place = stepInto({ file, label }, "tasks");
    const tasks = instance.tasks.map((entry, index) =>
      toTask(entry, index, stepInto(place, index), instance.tasks.length),
    );
    const family = familyOf(instance.app.slice(instance.app.lastIndexOf("/") + 1), instance.file);
    graphs.push({ name: instance.file, family, tasks: sortTasks(tasks, place) });
  }
  return graphs;
}

function toTask(entry: TaskEntry, index: number, place: Place, count: number): Task {
  if (entry.eb.length !== entry.p.length)
    refuse(stepInto(place, "eb"), `${entry.eb.length} sizes`, `one for each of ${entry.p.length} parents`);
  const bytes = new Map<number, number>();
  for (const [at, parent] of entry.p.entries()) {
    if (parent >= count) refuse(stepInto(stepInto(place, "p"), at), `${parent}`, `a position below ${count}`);
    bytes.set(parent, Math.round(entry.eb[at] ?? 0));
  }
  const category = categoryOf(entry.n);
  return {
    name: `${category}-${index}`,
    category,
    parents: [...bytes].map(([task, size]) => ({ task, bytes: size })),
    ...(entry.r === undefined ? {} : { runtimeSeconds: entry.r }),
  };
}
