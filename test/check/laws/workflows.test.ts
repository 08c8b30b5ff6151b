/** Laws about what is revealed, planned and ends. */

import { strict as assert } from "node:assert";
import type { JournalEvent } from "../../../src/model/event.ts";
import { exclusive, expectCaught, staticWorkflows } from "../caught.ts";
import { change, drop, duplicate, find, recordAt, withEvents } from "../mutate.ts";

expectCaught("reveal", [
  ["a stage revealed twice", () => duplicate(exclusive, "stage-reveal")],
  [
    "an ordinal left out",
    () => change(exclusive, "stage-reveal", ({ stage }) => ({ stage: { ...stage, ordinal: 999 } })),
  ],
  [
    "a static stage revealed late",
    () => {
      const fixed = staticWorkflows(exclusive);
      const index = find(
        exclusive,
        "stage-reveal",
        ({ stage }) => fixed.has(stage.workflow) && stage.parents.length > 0,
      );
      const event = recordAt(exclusive, index);
      const later = find(exclusive, "plan", (plan) => plan.atUs > event.atUs);
      const moved = { ...event, atUs: recordAt(exclusive, later).atUs };
      return withEvents(exclusive, exclusive.events.toSpliced(later + 1, 0, moved).toSpliced(index, 1));
    },
  ],
  [
    "an online stage revealed before its parents have ended",
    () => {
      const fixed = staticWorkflows(exclusive);
      const index = find(
        exclusive,
        "stage-reveal",
        ({ stage }) => !fixed.has(stage.workflow) && stage.parents.length > 0,
      );
      const event = recordAt(exclusive, index) as Extract<JournalEvent, { kind: "stage-reveal" }>;
      const arrive = find(exclusive, "workflow-arrive", ({ workflow }) => workflow === event.stage.workflow);
      const first = find(exclusive, "stage-reveal", ({ stage }) => stage.workflow === event.stage.workflow);
      assert(first > arrive);
      const moved = { ...event, atUs: recordAt(exclusive, first).atUs };
      return withEvents(exclusive, exclusive.events.toSpliced(index, 1).toSpliced(first + 1, 0, moved));
    },
  ],
  [
    "prompt tokens that are not those of the chain",
    () =>
      change(
        exclusive,
        "stage-reveal",
        ({ stage }) => ({ stage: stage.kind === "tool" ? stage : { ...stage, promptTokens: stage.promptTokens + 1 } }),
        ({ stage }) => stage.kind === "llm",
      ),
  ],
  [
    "text that becomes longer when the stage is ready",
    () =>
      change(
        exclusive,
        "stage-ready",
        ({ chainTokens = [] }) => ({ chainTokens: [(chainTokens[0] ?? 0) + 1, ...chainTokens.slice(1)] }),
        ({ chainTokens }) => chainTokens !== undefined,
      ),
  ],
  [
    "an output whose true length is kept back",
    () =>
      change(
        exclusive,
        "stage-ready",
        ({ chainTokens = [] }) => ({ chainTokens: chainTokens.map((tokens) => tokens + 0.5) }),
        ({ chainTokens }) => chainTokens !== undefined,
      ),
  ],
]);

expectCaught("planned", [
  ["a miscount of ready stages", () => change(exclusive, "plan", ({ ready }) => ({ ready: ready + 1 }))],
  [
    "fewer decisions than were carried out",
    () =>
      change(
        exclusive,
        "plan",
        () => ({ decisions: 0 }),
        (_event, index) => recordAt(exclusive, index + 1).kind === "stage-place",
      ),
  ],
  [
    "a placement without a plan",
    () => drop(exclusive, "plan", (_event, index) => recordAt(exclusive, index + 1).kind === "stage-place"),
  ],
]);

expectCaught("once-only", [
  [
    "a stage that ends twice",
    () => duplicate(exclusive, "stage-end", (_event, index) => recordAt(exclusive, index + 1).kind !== "workflow-end"),
  ],
  ["an attempt left out", () => change(exclusive, "stage-place", () => ({ attempt: 7 }))],
  [
    "an attempt that was void already",
    () =>
      change(
        exclusive,
        "decode-end",
        ({ attempt }) => ({ attempt: attempt - 1 }),
        ({ attempt }) => attempt > 0,
      ),
  ],
]);
