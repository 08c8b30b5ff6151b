import fc from "fast-check";
import { existsSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { categoryOf, familyOf } from "../../src/trace/category.ts";
import { readText } from "../../src/trace/read-text.ts";
import type { TaskGraph } from "../../src/trace/task-graph.ts";
import { readWfformat } from "../../src/trace/wfformat.ts";
import { readWfinstances } from "../../src/trace/wfinstances.ts";
import { attempt, broken, type Json, refusal } from "./documents.ts";
import { portionOf } from "../support/portion.ts";

type Task = {
  name: string;
  id: string;
  parents: string[];
  children: string[];
  inputFiles: string[];
  outputFiles: string[];
};

/** split -> two works -> join, the join written first. */
const task = (
  id: string,
  parents: string[],
  children: string[],
  inputFiles: string[],
  outputFiles: string[],
): Task => ({
  name: id,
  id,
  parents,
  children,
  inputFiles,
  outputFiles,
});
const diamond = (): {
  name: string;
  schemaVersion: string;
  workflow: { specification: { tasks: Task[]; files: Json[] }; execution: { tasks: Json[] } };
} => ({
  name: "montage-0",
  schemaVersion: "1.5",
  workflow: {
    specification: {
      tasks: [
        task("join_ID0004", ["work_ID0002", "work_ID0003"], [], ["w2", "w3", "w3.log"], ["out"]),
        task("split_ID0001", [], ["work_ID0002", "work_ID0003"], ["in"], ["s2", "s3"]),
        task("work_ID0002", ["split_ID0001"], ["join_ID0004"], ["s2", "in"], ["w2"]),
        task("work_ID0003", ["split_ID0001"], ["join_ID0004"], ["s3"], ["w3", "w3.log"]),
      ],
      files: [
        { id: "in", sizeInBytes: 1000 },
        { id: "s2", sizeInBytes: 20 },
        { id: "s3", sizeInBytes: 30 },
        { id: "w2", sizeInBytes: 2 },
        { id: "w3", sizeInBytes: 3 },
      ],
    },
    execution: { tasks: [{ id: "work_ID0002", runtimeInSeconds: 1.5 }] },
  },
});
const read = (document: unknown): TaskGraph => readWfformat(JSON.stringify(document), "f.json");

test("a diamond: order, bytes of shared files, categories, runtimes", () => {
  expect(read(diamond())).toStrictEqual({
    name: "montage-0",
    family: "montage",
    tasks: [
      { name: "split_ID0001", category: "split", parents: [] },
      { name: "work_ID0002", category: "work", parents: [{ task: 0, bytes: 20 }], runtimeSeconds: 1.5 },
      { name: "work_ID0003", category: "work", parents: [{ task: 0, bytes: 30 }] },
      {
        name: "join_ID0004",
        category: "join",
        parents: [
          { task: 1, bytes: 2 },
          { task: 2, bytes: 3 },
        ],
      },
    ],
  });
});

test.each([
  [
    "an unknown parent",
    (tasks: Task[]) => tasks[1]?.parents.push("x"),
    'tasks[1].parents[0]: found "x", expected the id of a task',
  ],
  [
    "a child that does not know its parent",
    (tasks: Task[]) => tasks[3]?.children.push("work_ID0002"),
    'tasks[3].children[1]: found "work_ID0002", expected a task that names work_ID0003',
  ],
  [
    "an id twice",
    (tasks: Task[]) => tasks.push(task("join_ID0004", [], [], [], [])),
    'tasks[4].id: found "join_ID0004" again',
  ],
  [
    "a cycle",
    (tasks: Task[]) => (tasks[1]?.parents.push("join_ID0004"), tasks[0]?.children.push("split_ID0001")),
    "found a cycle split_ID0001 -> work_ID0002 -> join_ID0004 -> split_ID0001",
  ],
])("refuses %s", (_, change, message) => {
  const document = diamond();
  change(document.workflow.specification.tasks);
  expect(refusal(() => read(document))).toContain(message);
});

test("another version is refused by name", () => {
  expect(refusal(() => read({ ...diamond(), schemaVersion: "1.4" }))).toContain(
    'schemaVersion: found "1.4", expected "1.5"',
  );
});

test.each([
  ["blastall_ID000004", "blastall"],
  ["fast2bfq_fast2bfq_HEP2_MSP1_Digests_s_1_sequence_3_ID0000004", "fast2bfq"],
  ["mapMerge_mapMerge_chr21", "mapMerge"],
  ["cycles_fertilizer_increase_output_parser_ID0000004", "cycles_fertilizer_increase_output_parser"],
  ["cpuhog_00000001_ID0000002", "cpuhog"],
  ["42", "42"],
])("%s is a %s", (name, category) => {
  expect(categoryOf(name)).toBe(category);
});

test("the family comes from the file, then from the name", () => {
  expect(familyOf("pegasus__epigenomics__x.json", "genome-dax-0")).toBe("epigenomics");
  expect(familyOf("x.json", "genome-dax-0")).toBe("epigenomics");
  expect(familyOf("mine-7", "other")).toBe("mine");
});

test("a broken document is a graph or an InputError", () => {
  fc.assert(
    fc.property(broken(fc.constant(diamond() as unknown as Json)), (document) => {
      const outcome = attempt(() => read(document));
      if (outcome.ok) expect(inOrder(outcome.value)).toBe(true);
    }),
    { numRuns: portionOf(1000) },
  );
});

const instance = {
  file: "pegasus/montage/m.json",
  app: "pegasus/montage",
  schema: "1.5",
  makespan: 3,
  tasks: [
    { n: "mAdd", p: [1, 2, 1], eb: [5, 6, 7], r: 0.5, in: 1, out: 1 },
    { n: "mProject_ID001", p: [], eb: [], r: 1 },
    { n: "mProject_ID002", p: [1], eb: [1.4] },
  ],
};

test("an instance in one line", () => {
  expect(readWfinstances(JSON.stringify(instance), "f")).toStrictEqual([
    {
      name: "pegasus/montage/m.json",
      family: "montage",
      tasks: [
        { name: "mProject-1", category: "mProject", parents: [], runtimeSeconds: 1 },
        { name: "mProject-2", category: "mProject", parents: [{ task: 0, bytes: 1 }] },
        {
          name: "mAdd-0",
          category: "mAdd",
          parents: [
            { task: 0, bytes: 7 },
            { task: 1, bytes: 6 },
          ],
          runtimeSeconds: 0.5,
        },
      ],
    },
  ]);
});

test("positions and sizes that do not match are refused", () => {
  const refused = (tasks: unknown[]): string =>
    refusal(() => readWfinstances(JSON.stringify({ ...instance, tasks }), "f"));
  expect(refused([{ n: "a", p: [1], eb: [1] }])).toBe("f: line 1: tasks[0].p[0]: found 1, expected a position below 1");
  expect(refused([{ n: "a", p: [0], eb: [] }])).toContain(
    "tasks[0].eb: found 0 sizes, expected one for each of 1 parents",
  );
  expect(refused([{ n: "a", p: [0], eb: [1] }])).toContain("found a cycle a-0 -> a-0");
});

test("a broken line is graphs or an InputError", () => {
  fc.assert(
    fc.property(broken(fc.constant(instance)), (document) => {
      const outcome = attempt(() => readWfinstances(JSON.stringify(document), "f"));
      if (outcome.ok) expect(outcome.value.every(inOrder)).toBe(true);
    }),
    { numRuns: portionOf(1000) },
  );
});

function inOrder(graph: TaskGraph): boolean {
  return graph.tasks.every((entry, index) => entry.parents.every((parent) => parent.task < index));
}

const data = "../shared/data/wfinstances";

test.skipIf(!existsSync(data))("recorded workflows read the same from both formats (needs ../shared/data)", () => {
  const lines = readWfinstances(readText(`${data}/wfinstances-compact.ndjson.gz`), "lines");
  const bytes = ({ tasks }: TaskGraph): number =>
    tasks.reduce((sum, { parents }) => parents.reduce((all, parent) => all + parent.bytes, sum), 0);
  for (const file of readdirSync(`${data}/original`)) {
    const graph = readWfformat(readText(`${data}/original/${file}`), file);
    const [, , name = ""] = file.replace(".gz", "").split("__");
    const line = lines.find((candidate) => candidate.name.endsWith(name));
    expect({ file, family: graph.family, tasks: graph.tasks.length, bytes: bytes(graph) }).toEqual({
      file,
      family: line?.family,
      tasks: line?.tasks.length,
      bytes: line === undefined ? 0 : bytes(line),
    });
  }
});
