/** Laws about records, names and what is left over. */

import type { JournalEvent } from "../../../src/model/event.ts";
import { exclusive, expectCaught } from "../caught.ts";
import { change, drop, duplicate, find, insert, recordAt, withEvents } from "../mutate.ts";

expectCaught("time-order", [
  [
    "a time that runs backwards",
    () =>
      change(
        exclusive,
        "plan",
        () => ({ atUs: 0 }),
        (_event, index) => index > 800,
      ),
  ],
  ["a gap in the positions", () => ({ ...exclusive, events: exclusive.events.toSpliced(300, 1) })],
  ["a first position of 2", () => ({ ...exclusive, events: exclusive.events.slice(1) })],
]);

expectCaught("known-names", [
  ["an engine that is not there", () => change(exclusive, "share-start", () => ({ engine: "nowhere" }))],
  ["a stage that is not there", () => change(exclusive, "stage-ready", () => ({ stage: "w0/none" }))],
  ["a model that the engine cannot hold", () => change(exclusive, "model-load-start", () => ({ model: "gpt-none" }))],
  ["an end of a workflow that is over", () => duplicate(exclusive, "workflow-end")],
  [
    "an output of a stage that is no parent",
    () => change(exclusive, "transfer-start", (event) => ({ parent: event.stage })),
  ],
]);

expectCaught("accounted", [
  ["a workflow that never ends", () => drop(exclusive, "workflow-end")],
  ["a run that breaks off", () => withEvents(exclusive, exclusive.events.slice(0, -40))],
  [
    "a workflow given up while it runs",
    () => {
      const index = find(exclusive, "decode-start");
      const event = recordAt(exclusive, index) as Extract<JournalEvent, { kind: "decode-start" }>;
      return insert(exclusive, index, {
        kind: "workflow-abandon",
        workflow: event.stage.split("/")[0],
        reason: "no-engine",
      });
    },
  ],
]);
