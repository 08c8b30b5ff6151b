/** Generated graphs against the recorded ones they are made after, family by family. */

import { describe, expect, test } from "vitest";
import { createRng } from "../../../src/random/rng.ts";
import { recipes } from "../../../src/trace/generate/wfcommons-recipes.ts";
import { draftOf } from "../../../src/trace/generate/wfcommons.ts";
import type { TaskGraph } from "../../../src/trace/task-graph.ts";
import { readWfinstances } from "../../../src/trace/wfinstances.ts";
import { hasData, quantile, readData } from "../whole.ts";

/** Depth, widest level and edges for each task: what a scheduler feels of a structure. */
function shapeOf({ tasks }: TaskGraph): { depth: number; width: number; edges: number } {
  const levels: number[] = [];
  for (const task of tasks)
    levels.push(1 + task.parents.reduce((deepest, { task: parent }) => Math.max(deepest, levels[parent] ?? 0), 0));
  const widths = Map.groupBy(levels, (level) => level);
  const edges = tasks.reduce((sum, task) => sum + task.parents.length, 0);
  return {
    depth: Math.max(...levels),
    width: Math.max(...[...widths.values()].map((level) => level.length)) / tasks.length,
    edges: edges / tasks.length,
  };
}

const recorded = hasData
  ? readWfinstances(readData("wfinstances", "wfinstances-compact.ndjson.gz"), "wfinstances").filter(
      ({ tasks }) => tasks.length >= 5 && tasks.length <= 310,
    )
  : [];

/** As many drafts as there are records, each of the size of one. */
function drafts(family: string): readonly TaskGraph[] {
  const recipe = recipes[family];
  if (recipe === undefined) throw new Error(`no family ${family}`);
  return recorded
    .filter((graph) => graph.family === family)
    .flatMap(({ tasks: { length } }, index) =>
      [1, 2, 3].map((seed) =>
        draftOf(family, recipe, {
          id: "g",
          rng: createRng(seed).stream(`${index}`),
          tasks: { least: length, most: length },
        }),
      ),
    );
}

describe.skipIf(!hasData).each(Object.keys(recipes))("%s", (family) => {
  const real = recorded.filter((graph) => graph.family === family);
  const made = hasData ? drafts(family) : [];

  test("size, depth, width and edges", () => {
    for (const [index, graph] of made.entries()) {
      const wanted = real[Math.floor(index / 3)];
      if (wanted === undefined) throw new Error("no record");
      const [is, was] = [shapeOf(graph), shapeOf(wanted)];
      expect(is.depth).toBe(was.depth);
      expect(Math.abs(graph.tasks.length / wanted.tasks.length - 1)).toBeLessThan(0.35);
      expect(Math.abs(is.width - was.width)).toBeLessThan(0.2);
      expect(Math.abs(is.edges / was.edges - 1)).toBeLessThan(0.3);
    }
  });

  test("categories, their runtimes and their bytes", () => {
    const categories = (graphs: readonly TaskGraph[]) =>
      Map.groupBy(
        graphs.flatMap(({ tasks }) => tasks),
        (task) => task.category,
      );
    const [is, was] = [categories(made), categories(real)];
    expect([...is.keys()].sort()).toEqual([...was.keys()].sort());
    for (const [category, tasks] of was) {
      const seconds = (list: typeof tasks): number =>
        Math.log(
          quantile(
            list.map((task) => task.runtimeSeconds ?? 0),
            0.5,
          ),
        );
      // Runtimes of a family differ by orders of magnitude from one recording to another.
      expect(Math.abs(seconds(is.get(category) ?? []) - seconds(tasks)), category).toBeLessThan(2.5);
      const bytes = (list: typeof tasks): number =>
        quantile(
          list.flatMap((task) => task.parents.map((parent) => parent.bytes)),
          0.5,
        );
      const [made2, real2] = [bytes(is.get(category) ?? []), bytes(tasks)];
      if (Number.isNaN(real2)) expect(made2).toBeNaN();
      else expect(Math.abs(Math.log((made2 + 1000) / (real2 + 1000))), category).toBeLessThan(2.5);
    }
  });
});
