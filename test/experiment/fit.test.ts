import { expect, test } from "vitest";
import { knownModels } from "../../src/catalogue/models.ts";
import { checkFit } from "../../src/experiment/fit.ts";
import type { Workflow } from "../../src/model/workflow.ts";
import { cluster, dag, run } from "../support/build.ts";

const long = { prompt: [{ kind: "own", tokens: 400_000 }] } as const;
const machines = cluster("l40s");
const fit = (workflows: readonly Workflow[]): readonly string[] =>
  checkFit({ id: "test", workflows }, knownModels, machines, "my-cluster");

test("what fits needs no note", () => {
  expect(fit([dag("a -> b")])).toEqual([]);
});

test("a model that no engine holds is refused by name", () => {
  expect(() => fit([dag("a", () => ({ model: "llama-3.1-70b" }))])).toThrow(
    "my-cluster: engines: found none that can hold llama-3.1-70b",
  );
});

test("a workload of which nothing could end is refused, one of which something can is noted, and the run agrees", () => {
  const huge = dag("a", () => long, { id: "huge" });
  expect(() => fit([huge])).toThrow("400400 for huge/a");
  expect(fit([dag("a"), huge])[0]).toMatch(/^note: 1 of 2 workflows/);
  const ends = run({ workflows: [dag("a"), huge], cluster: machines }).events.filter(
    ({ kind }) => kind === "workflow-end" || kind === "workflow-abandon",
  );
  expect(ends.map(({ kind }) => kind)).toEqual(["workflow-end", "workflow-abandon"]);
});

test("items need room one at a time", () => {
  expect(fit([dag("a", () => ({ ...long, items: 100 }))])).toEqual([]);
});
