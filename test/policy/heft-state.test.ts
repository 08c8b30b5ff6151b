import { expect, test } from "vitest";
import type { Stage, Workflow } from "../../src/model/workflow.ts";
import { cluster, llm } from "../support/build.ts";
import { runPlain } from "../support/run-plain.ts";

const resident = "llama-3.1-8b";
const other = { model: "qwen2.5-7b" };
const after = (stage: string) => ({ parents: [{ stage, bytes: 4000 }] });

/** The stage that began first on one engine. */
function firstOf(policy: "heft-online" | "heft-state", stages: readonly Stage[], models: readonly string[]) {
  const flow: Workflow = { id: "w", arrivalUs: 0, reveal: "static", stages };
  const journal = runPlain({ policy, workflows: [flow], cluster: cluster("h100", { resident: models }) });
  return journal.events.flatMap((event) => (event.kind === "share-start" ? [event.stage] : []))[0];
}

test("a path through a model that is nowhere is the longer one", () => {
  const stages = [llm("warm"), llm("next", after("warm")), llm("cold"), llm("load", { ...after("cold"), ...other })];
  expect(firstOf("heft-online", stages, [resident])).toBe("w/warm");
  expect(firstOf("heft-state", stages, [resident])).toBe("w/cold");
});

test("a model that a parent brings along is loaded once", () => {
  const chain = [llm("a"), llm("b", after("a")), llm("c", after("b"))];
  const swap = [llm("x"), llm("y", { ...after("x"), ...other })];
  expect(firstOf("heft-online", [...chain, ...swap], [])).toBe("w/a");
  expect(firstOf("heft-state", [...chain, ...swap], [])).toBe("w/x");
});
