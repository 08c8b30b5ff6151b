/** The law about stages that are skipped. */

import type { JournalEvent } from "../../../src/model/event.ts";
import { branched, expectCaught } from "../caught.ts";
import { change, delay, drop, duplicate, find, insert, recordAt, withEvents, type EventOf } from "../mutate.ts";

/** Revealed so, by key. */
const revealed = new Map(
  branched.events.flatMap((event) => (event.kind === "stage-reveal" ? [[event.stage.key, event.stage]] : [])),
);
const isBranch = (key: string): boolean => revealed.get(key)?.chance !== undefined;
const hasParents = (key: string): boolean => (revealed.get(key)?.parents.length ?? 0) > 0;

function moveTo(index: number, before: number): readonly JournalEvent[] {
  const event = { ...recordAt(branched, index), atUs: recordAt(branched, before).atUs };
  return branched.events.toSpliced(index, 1).toSpliced(before, 0, event);
}

/** A stage of a static workflow is skipped, while its parent still runs. */
function skippedEarly(): readonly JournalEvent[] {
  const index = find(branched, "stage-skip", ({ stage }) => hasParents(stage));
  const { stage } = recordAt(branched, index) as EventOf<"stage-skip">;
  const parent = revealed.get(stage)?.parents[0]?.stage;
  return moveTo(
    index,
    branched.events.findIndex(
      (event) => (event.kind === "stage-end" || event.kind === "stage-skip") && event.stage === parent,
    ),
  );
}

expectCaught("branches", [
  ["a stage skipped before its parents are over", () => withEvents(branched, skippedEarly())],
  ["a stage skipped late", () => delay(branched, "stage-skip")],
  [
    "a stage skipped that is ready",
    () => {
      const index = find(branched, "stage-ready", ({ stage }) => isBranch(stage));
      const { stage } = recordAt(branched, index) as EventOf<"stage-ready">;
      return insert(branched, index, { kind: "stage-skip", stage });
    },
  ],
  [
    "a stage skipped that is sure to run",
    () => {
      const index = find(branched, "stage-ready", ({ stage }) => !isBranch(stage));
      const event = recordAt(branched, index) as EventOf<"stage-ready">;
      const { atUs, sequence, stage } = event;
      return withEvents(branched, branched.events.with(index, { kind: "stage-skip", atUs, sequence, stage }));
    },
  ],
  [
    "a stage that is ready though all its parents were skipped",
    () => {
      const index = find(branched, "stage-skip", ({ stage }) => hasParents(stage) && !isBranch(stage));
      const { atUs, sequence, stage } = recordAt(branched, index) as EventOf<"stage-skip">;
      return withEvents(branched, branched.events.with(index, { kind: "stage-ready", atUs, sequence, stage }));
    },
  ],
]);

expectCaught("once-only", [
  [
    "a stage skipped twice",
    () => duplicate(branched, "stage-skip", (_event, index) => recordAt(branched, index + 1).kind !== "workflow-end"),
  ],
]);

expectCaught("precedence", [
  [
    "a placement of a skipped stage",
    () => {
      const index = find(branched, "stage-skip", (_event, at) => branched.events[at + 1]?.kind !== "workflow-end");
      const place = recordAt(branched, find(branched, "stage-place"));
      const { stage } = recordAt(branched, index) as EventOf<"stage-skip">;
      return insert(branched, index, { ...place, atUs: recordAt(branched, index).atUs, stage });
    },
  ],
  ["a workflow that ends before all its stages are over", () => drop(branched, "stage-skip")],
]);

expectCaught("reveal", [
  [
    "tokens of a stage that was skipped",
    () =>
      change(
        branched,
        "stage-ready",
        ({ chainTokens = [] }) => ({ chainTokens: chainTokens.map((tokens) => Math.max(1, tokens)) }),
        ({ chainTokens = [] }) => chainTokens.includes(0),
      ),
  ],
  [
    "a chance of certainty",
    () =>
      change(
        branched,
        "stage-reveal",
        ({ stage }) => ({ stage: { ...stage, chance: 1 } }),
        ({ stage }) => isBranch(stage.key),
      ),
  ],
]);

expectCaught("known-names", [
  ["a stage skipped that is not there", () => change(branched, "stage-skip", () => ({ stage: "w0/none" }))],
]);
