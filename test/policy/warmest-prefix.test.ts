/** The policy that `docs/policies.md` shows: it is the one that is tested here. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { ModelStage } from "../../src/model/workflow.ts";
import { cluster, dag } from "../support/build.ts";
import { enginesOf } from "../support/placements.ts";
import { runPlain } from "../support/run-plain.ts";
import { warmestPrefix } from "./warmest-prefix.ts";

test("the page shows the file", () => {
  const page = readFileSync(new URL("../../docs/policies.md", import.meta.url), "utf8");
  const file = readFileSync(new URL("warmest-prefix.ts", import.meta.url), "utf8");
  expect(page).toContain(file.replaceAll("../../src/policy/", "./"));
});

test("a stage goes where its prefix is, even past an idle engine", () => {
  const shared = (id: string): Partial<ModelStage> => ({
    prompt: [{ kind: "text", key: id.slice(0, 1), tokens: 900 }],
  });
  const policy = { plan: warmestPrefix, summary: "" };
  const journal = runPlain({ policy, workflows: [dag("a1, b1 -> b2, a2", shared)], cluster: cluster("h100 h100") });
  expect(enginesOf(journal)).toEqual({ a1: [0], b1: [1], b2: [1], a2: [0] });
});
