import { expect, test } from "vitest";
import { cluster, dag, llm } from "../support/build.ts";
import { enginesOf } from "../support/placements.ts";
import { runPlain } from "../support/run-plain.ts";

const warm = { resident: ["llama-3.1-8b"] };
const after = (stage: string) => ({ parents: [{ stage, bytes: 4000 }] });

test("nalar counts the stages that still wait for each, and the engine's queue keeps that order", () => {
  const stages = [llm("top"), llm("flat"), llm("middle", after("top")), llm("leaf", after("middle"))];
  const { events } = runPlain({
    policy: "nalar",
    workflows: [{ id: "w", arrivalUs: 0, reveal: "static", stages }],
    cluster: cluster("h100", warm),
  });
  const placed = events.flatMap((event) => (event.kind === "stage-place" ? [`${event.stage} ${event.rank}`] : []));
  const rank = (depth: number) => -depth / 1024;
  expect(placed).toEqual([`w/top ${rank(2)}`, "w/flat 0", `w/middle ${rank(1)}`, "w/leaf 0"]);
});

test("nalar lets no later workflow pass one that still waits, however deep", () => {
  const early = dag("a, b");
  const deep = { ...dag("d -> e"), id: "x", arrivalUs: 1 };
  const journal = runPlain({ policy: "nalar", workflows: [early, deep], cluster: cluster("h100", warm) });
  const started = journal.events.flatMap((event) => (event.kind === "share-start" ? [event.stage] : []));
  expect(started).toEqual(["w/a", "w/b", "x/d", "x/e"]);
});

test("nalar places where the stage ends first, at once", () => {
  const journal = runPlain({ policy: "nalar", workflows: [dag("a, b, c")], cluster: cluster("h100 l40s", warm) });
  const placedUs = journal.events.flatMap((event) => (event.kind === "stage-place" ? [event.atUs] : []));
  expect(placedUs).toEqual([0, 0, 0]);
  expect(enginesOf(journal)).toEqual({ a: [0], b: [0], c: [0] });
});
