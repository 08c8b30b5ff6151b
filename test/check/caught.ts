/** Sound journals to spoil, and the test that a law catches it. */

import { strict as assert } from "node:assert";
import { describe, expect, test } from "vitest";
import { check } from "../../src/check/check.ts";
import type { Journal } from "../../src/journal/journal.ts";
import { wildRuns } from "./wild.ts";

export const exclusive = wild("exclusive", 1);
export const chunked = wild("chunked", 3);
export const whole = wild("whole", 3);
export const branched = wild("branched", 1);
export const pairs = wild("pairs", 1);
export const tight = wild("tight", 1);
export const mixing = wild("mixing", 1);

function wild(name: string, seed: number): Journal {
  const make = wildRuns[name];
  assert(make !== undefined);
  return make(seed);
}

/** What is spoilt, and how. */
export type Case = readonly [string, () => Journal];

/** Checks that each spoilt journal breaks `law`, whatever else it breaks. */
export function expectCaught(law: string, cases: readonly Case[]): void {
  describe(law, () => {
    test.each(cases)("%s", (_what, spoil) => {
      expect([...new Set(check(spoil()).map((violation) => violation.law))]).toContain(law);
    });
  });
}

export function staticWorkflows({ events }: Journal): ReadonlySet<string> {
  return new Set(
    events.flatMap((event) => (event.kind === "workflow-arrive" && event.reveal === "static" ? [event.workflow] : [])),
  );
}
