/**
 * WfFormat 1.5, the JSON of recorded scientific workflows (wfcommons.org), as a task graph.
 * Fields that the graph does not need may be odd or absent; ids, parents and file sizes must hold together.
 */

import { basename } from "node:path";
import { categoryOf, familyOf } from "./category.ts";
import { maxBytes, maxListEntries, maxStagesPerWorkflow } from "./limits.ts";
import { parseJson } from "./parse-text.ts";
import { type Place, refuse, stepInto } from "./place.ts";
import { array, number, oneOf, openObject, optional, parseAs, type Parsed, text, withDefault } from "./shape.ts";
import type { Task, TaskGraph, TaskParent } from "./task-graph.ts";
import { orderTopologically, showCycle } from "./topological.ts";
import { validateIds } from "./validate-workload.ts";

const names = array(text(), { max: maxListEntries });
const taskShape = openObject({
  id: text({ max: 300 }),
  name: optional(text()),
  parents: names,
  children: optional(names),
  inputFiles: withDefault(names, []),
  outputFiles: withDefault(names, []),
});
const wfformatShape = openObject({
  name: text(),
  schemaVersion: oneOf("1.5"),
  workflow: openObject({
    specification: openObject({
      tasks: array(taskShape, { min: 1, max: maxStagesPerWorkflow }),
      files: withDefault(
        array(openObject({ id: text(), sizeInBytes: number({ min: 0, max: maxBytes }) }), { max: 10_000_000 }),
        [],
      ),
    }),
    execution: optional(
      openObject({
        tasks: withDefault(
          array(openObject({ id: text({ max: 300 }), runtimeInSeconds: number({ min: 0, max: 1e9 }) }), {
            max: maxStagesPerWorkflow,
          }),
          [],
        ),
      }),
    ),
  }),
});

type TaskEntry = Parsed<typeof taskShape>;

export function readWfformat(content: string, file: string): TaskGraph {
  const { name, workflow } = parseAs(wfformatShape, parseJson(content, file), file);
  const { tasks: entries, files } = workflow.specification;
  const place = ["workflow", "specification", "tasks"].reduce<Place>(stepInto, { file, label: "" });
  validateIds(entries.map((entry, index) => [entry.id, stepInto(stepInto(place, index), "id")] as const));
  const parentsOf = resolveParents(entries, place);
  const sizes = new Map(files.map((entry) => [entry.id, Math.round(entry.sizeInBytes)]));
  const runtimes = new Map((workflow.execution?.tasks ?? []).map((task) => [task.id, task.runtimeInSeconds]));
  const tasks = entries.map((entry, index): Task => {
    const runtimeSeconds = runtimes.get(entry.id);
    return {
      name: entry.id,
      category: categoryOf(entry.name ?? entry.id),
      parents: (parentsOf[index] ?? []).map((task) => ({ task, bytes: bytesRead(entry, entries[task], sizes) })),
      ...(runtimeSeconds === undefined ? {} : { runtimeSeconds }),
    };
  });
  return { name, family: familyOf(basename(file), name), tasks: sortTasks(tasks, place) };
}

/** Tasks with parents before children, and their parents' positions moved along. */
export function sortTasks(tasks: readonly Task[], place: Place): readonly Task[] {
  const outcome = orderTopologically(tasks.map((task) => task.parents.map((parent) => parent.task)));
  if (outcome.kind === "cycle")
    return refuse(place, `a cycle ${showCycle(outcome.cycle, (task) => tasks[task]?.name ?? "")}`, "no cycle");
  const moved = new Map(outcome.order.map((from, to) => [from, to]));
  return outcome.order.flatMap((from) => {
    const task = tasks[from];
    if (task === undefined) return [];
    const parents = task.parents.map((parent): TaskParent => ({ ...parent, task: moved.get(parent.task) ?? 0 }));
    return [{ ...task, parents }];
  });
}

/** A parent named twice is one parent. A child that does not name its parent means that one of the two is wrong. */
function resolveParents(entries: readonly TaskEntry[], place: Place): readonly (readonly number[])[] {
  const indexOf = new Map(entries.map((entry, index) => [entry.id, index]));
  const resolve = (id: string, at: Place): number =>
    indexOf.get(id) ?? refuse(at, JSON.stringify(id), "the id of a task of this workflow");
  const parentsOf = entries.map((entry, index) => {
    const at = stepInto(stepInto(place, index), "parents");
    return new Set(entry.parents.map((id, position) => resolve(id, stepInto(at, position))));
  });
  for (const [index, entry] of entries.entries()) {
    for (const [position, id] of (entry.children ?? []).entries()) {
      const at = stepInto(stepInto(stepInto(place, index), "children"), position);
      if (parentsOf[resolve(id, at)]?.has(index) !== true)
        refuse(at, JSON.stringify(id), `a task that names ${entry.id} among its parents`);
    }
  }
  return parentsOf.map((parents) => [...parents]);
}

/** Bytes of the files that the child reads and the parent wrote; a file without a size counts nothing. */
function bytesRead(child: TaskEntry, parent: TaskEntry | undefined, sizes: ReadonlyMap<string, number>): number {
  const written = new Set(parent?.outputFiles);
  let bytes = 0;
  for (const id of new Set(child.inputFiles)) if (written.has(id)) bytes += sizes.get(id) ?? 0;
  return Math.min(bytes, maxBytes);
}
