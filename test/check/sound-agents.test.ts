/** Journals of engines that admit by step break no law, whatever a policy asks for; and small falsifications of them do. */

import { describe, expect, test } from "vitest";
import { check } from "../../src/check/check.ts";
import { wildAgentRuns } from "./wild-agents.ts";

describe.each(Object.entries(wildAgentRuns))("%s", (_name, make) => {
  test.each([1, 2])("seed %i", (seed) => {
    expect(check(make(seed))).toEqual([]);
  });
});

test("the runs do all that is special to them", () => {
  const kinds = new Set<string>();
  for (const make of Object.values(wildAgentRuns)) {
    for (const event of make(1).events) {
      kinds.add(event.kind === "decision-reject" ? `${event.decision} ${event.reason}` : event.kind);
      if (event.kind === "batch-step" && event.prefillSequences > 1) kinds.add("prompts together");
    }
  }
  expect([...kinds]).toEqual(
    expect.arrayContaining([
      "prompts together",
      "stage-redirect",
      "role-switch-start",
      "role-switch-end",
      "share-preempt",
      "redirect switching",
      "redirect too-late",
      "switch-role last-of-role",
      "switch-role switching",
    ]),
  );
});
