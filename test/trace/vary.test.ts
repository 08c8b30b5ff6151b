import { describe, expect, test } from "vitest";
import type { Branch, Workflow } from "../../src/model/workflow.ts";
import { annotateGraph } from "../../src/trace/annotate.ts";
import { generateWorkload } from "../../src/trace/generate/generate-workload.ts";
import { varyWorkflow } from "../../src/trace/vary.ts";
import { dag } from "../support/build.ts";
import { expectWhole } from "./whole.ts";

const options = { families: ["montage", "lats"], count: 20, seed: 1 };
const plain = generateWorkload(options).workload.workflows;

function withoutBranches({ stages, ...rest }: Workflow): Workflow {
  return { ...rest, stages: stages.map(({ branch: _branch, ...stage }) => stage) };
}

const branchesOf = (workflows: readonly Workflow[]): ReadonlyMap<string, Branch> =>
  new Map(
    workflows.flatMap(({ id, stages }) =>
      stages.flatMap((stage) => (stage.branch ? [[`${id}/${stage.id}`, stage.branch] as const] : [])),
    ),
  );

describe("branches", () => {
  const some = generateWorkload({ ...options, branches: { share: 0.3, chance: 0.6 } }).workload.workflows;

  test("change nothing else", () => {
    for (const workflow of some) expectWhole(workflow);
    expect(some.map(withoutBranches)).toEqual(plain);
  });

  test("are of the share and the chance that was asked for, and no first stage is one", () => {
    const stages = some.flatMap((workflow) => workflow.stages);
    const below = stages.filter(({ parents }) => parents.length > 0);
    const picked = stages.flatMap(({ branch }) => branch ?? []);
    expect(below.length).toBeGreaterThan(2000);
    expect(picked.length / below.length).toBeCloseTo(0.3, 1);
    expect(picked.filter(({ runs }) => runs).length / picked.length).toBeCloseTo(0.6, 1);
    expect(stages.filter(({ parents, branch }) => parents.length === 0 && branch !== undefined)).toEqual([]);
  });

  test("a larger share adds branches and changes none, a larger chance lets more of the same run", () => {
    const found = branchesOf(some);
    const more = branchesOf(generateWorkload({ ...options, branches: { share: 0.6, chance: 0.6 } }).workload.workflows);
    expect(more.size).toBeGreaterThan(found.size);
    const likelier = branchesOf(
      generateWorkload({ ...options, branches: { share: 0.3, chance: 0.9 } }).workload.workflows,
    );
    expect([...likelier.keys()]).toEqual([...found.keys()]);
    for (const [key, branch] of found) {
      expect(more.get(key)).toEqual(branch);
      if (branch.runs) expect(likelier.get(key)?.runs, key).toBe(true);
    }
  });

  test("certain ones come as expected", () => {
    for (const chance of [0, 1]) {
      const workflow = varyWorkflow(dag("a -> b, c -> d"), 1, { branches: { share: 1, chance } });
      expectWhole(workflow);
      expect(workflow.stages.map(({ branch }) => branch?.runs)).toEqual([undefined, ...Array(3).fill(chance === 1)]);
    }
  });

  test("of graphs that are annotated", () => {
    const task = (name: string, ...parents: number[]) => ({
      name,
      category: "work",
      parents: parents.map((at) => ({ task: at, bytes: 10 })),
    });
    const graph = { name: "g", family: "test", tasks: [task("a"), task("b", 0)] };
    const { stages } = annotateGraph(graph, { seed: 1, branches: { share: 1, chance: 0 }, edgeBytesScale: 10 });
    expect(stages[1]).toMatchObject({ branch: { chance: 0, runs: false }, parents: [{ stage: "a", bytes: 100 }] });
  });

  test.each([
    { share: 1.1, chance: 0.5 },
    { share: 0.5, chance: -1 },
  ])("refuses %o", (branches) => {
    expect(() => varyWorkflow(dag("a"), 1, { branches })).toThrow("between 0 and 1");
  });
});

describe("the scale of edges", () => {
  test("multiplies their bytes and nothing else", () => {
    const large = generateWorkload({ ...options, edgeBytesScale: 100 }).workload.workflows;
    const bytes = (workflows: readonly Workflow[]): readonly number[] =>
      workflows.flatMap(({ stages }) => stages.flatMap(({ parents }) => parents.map((parent) => parent.bytes)));
    expect(bytes(large)).toEqual(bytes(plain).map((count) => count * 100));
    expect(Math.max(...bytes(large))).toBeGreaterThan(100e6);
    const small = JSON.stringify(large, (key, value: unknown) => (key === "bytes" ? 0 : value));
    expect(small).toBe(JSON.stringify(plain, (key, value: unknown) => (key === "bytes" ? 0 : value)));
  });

  test("gives whole bytes", () => {
    for (const workflow of generateWorkload({ ...options, edgeBytesScale: 0.3 }).workload.workflows)
      expectWhole(workflow);
    expect(() => varyWorkflow(dag("a"), 1, { edgeBytesScale: -1 })).toThrow("at least 0");
  });
});

test("nothing to vary leaves the workflow as it is", () => {
  const workflow = dag("a -> b");
  expect(varyWorkflow(workflow, 1, {})).toBe(workflow);
});
