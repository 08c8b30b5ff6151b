/**
 * Finds out whether a policy knows what it cannot know. The same workload runs twice, with other output lengths, tool times and
 * branches taken.
 * Until an end shows the difference both journals must be the same, and whenever the policy is asked after the same journal it
 * must answer the same.
 */

import type { Journal } from "../../src/journal/journal.ts";
import type { JournalEvent } from "../../src/model/event.ts";
import type { PolicyEntry } from "../../src/policy/policy.ts";
import { runUnchecked } from "./build.ts";
import { plainCalibration } from "./plain-calibration.ts";
import type { RandomWorld } from "./random-world.ts";

export type Comparison = {
  /** Answers that were compared. */
  readonly compared: number;
  /** What told the runs apart first; undefined if nothing did. */
  readonly firstDifference: JournalEvent["kind"] | undefined;
  /** A sentence about what the policy knew too early. */
  readonly clairvoyance: string | undefined;
};

/** What may bring a hidden length, duration or branch to light. The total of a stage's items is told at its end only. */
const telling: ReadonlySet<JournalEvent["kind"]> = new Set([
  "decode-end",
  "batch-step",
  "tool-end",
  "share-preempt",
  "stage-end",
  "stage-skip",
]);

export function compareTruths(
  one: RandomWorld,
  other: RandomWorld,
  policyOf: (world: RandomWorld) => PolicyEntry,
): Comparison {
  return compareRuns(record(one, policyOf(one)), record(other, policyOf(other)));
}

/** The same for runs that are there already. */
export function compareRuns(left: Recorded, right: Recorded): Comparison {
  const [those, others] = [left.journal.events, right.journal.events];
  let common = 0;
  while (common < those.length && sameAt(those, others, common)) common += 1;
  const first = pickEarlier(those[common], others[common]);
  const found = { firstDifference: first?.kind, compared: 0, clairvoyance: undefined };
  for (const [index, answer] of left.answers.entries()) {
    const same = right.answers[index];
    if (same === undefined || answer.seen > common || same.seen !== answer.seen || same.atUs !== answer.atUs) break;
    found.compared += 1;
    if (same.decisions !== answer.decisions)
      return { ...found, clairvoyance: `at ${answer.atUs} us: ${answer.decisions} or ${same.decisions}` };
  }
  if (first !== undefined && !telling.has(first.kind))
    return { ...found, clairvoyance: `${first.kind} at ${first.atUs} us differs before anything could tell` };
  return found;
}

function sameAt(left: readonly JournalEvent[], right: readonly JournalEvent[], index: number): boolean {
  return JSON.stringify(left[index]) === JSON.stringify(right[index]);
}

function pickEarlier(left: JournalEvent | undefined, right: JournalEvent | undefined): JournalEvent | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  // At one instant policies answer last, so what the world does tells first.
  if (left.atUs === right.atUs) return telling.has(left.kind) ? left : right;
  return left.atUs < right.atUs ? left : right;
}

type Answer = { readonly seen: number; readonly atUs: number; readonly decisions: string };

/** A run that is held against no law, and what the policy answered after how many of its events. */
export type Recorded = { readonly journal: Journal; readonly answers: readonly Answer[] };

export function record(world: RandomWorld, entry: PolicyEntry): Recorded {
  const events: JournalEvent[] = [];
  const answers: Answer[] = [];
  const policy: PolicyEntry = {
    ...entry,
    plan: (view) => {
      const plan = entry.plan(view);
      answers.push({ seen: events.length, atUs: view.nowUs, decisions: JSON.stringify(plan.decisions) });
      return plan;
    },
  };
  return { journal: runUnchecked({ ...world, policy, calibration: plainCalibration }, events), answers };
}
