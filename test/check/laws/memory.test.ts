/** Laws about memory. */

import type { JournalEvent } from "../../../src/model/event.ts";
import { chunked, exclusive, expectCaught, tight } from "../caught.ts";
import { change, drop, duplicate, find, insert, recordAt, swap, withEngines } from "../mutate.ts";

expectCaught("memory", [
  ["a model that is not resident", () => drop(exclusive, "model-load-end")],
  ["models that do not fit", () => drop(exclusive, "model-evict", ({ cause }) => cause === "room")],
  [
    "a model evicted while in use",
    () => {
      const index = find(exclusive, "decode-start");
      const event = recordAt(exclusive, index) as Extract<JournalEvent, { kind: "decode-start" }>;
      const load = exclusive.events
        .slice(0, index)
        .findLast((before) => before.kind === "model-load-start" && before.engine === event.engine);
      return insert(exclusive, index, {
        kind: "model-evict",
        engine: event.engine,
        model: load?.kind === "model-load-start" ? load.model : "llama-3.1-8b",
        cause: "policy",
      });
    },
  ],
  ["a model evicted that is not there", () => duplicate(exclusive, "model-evict")],
  [
    "room made for nothing",
    () =>
      change(
        exclusive,
        "model-evict",
        () => ({ cause: "room" }),
        ({ cause }) => cause === "policy",
      ),
  ],
  [
    "bytes that are not the model's",
    () => change(exclusive, "model-load-start", ({ bytes }) => ({ bytes: bytes + 1 })),
  ],
  [
    "a load that nobody waits for",
    () =>
      change(
        exclusive,
        "model-load-start",
        () => ({ cause: "stage" }),
        ({ cause }) => cause === "prefetch",
      ),
  ],
  ["a load of what is there", () => duplicate(exclusive, "model-load-start")],
  [
    "a model used while it loads",
    () => swap(exclusive, "model-load-end", (_event, index) => recordAt(exclusive, index + 1).kind === "prefill-start"),
  ],
]);

expectCaught("kv-memory", [
  ["more KV than there is", () => change(chunked, "share-start", () => ({ kvTokens: 100_000_000 }))],
  [
    "a needless preemption",
    () =>
      change(chunked, "share-end", (event) => ({
        ...event,
        kind: "share-preempt" as never,
        kvTokens: 0,
        outputTokens: 0,
      })),
  ],
  [
    "a preemption that gives back less",
    () => change(tight, "share-preempt", ({ kvTokens }) => ({ kvTokens: kvTokens - 1 })),
  ],
  [
    "a preemption that forgets what was written",
    () =>
      change(
        tight,
        "share-preempt",
        () => ({ outputTokens: 0 }),
        ({ outputTokens }) => outputTokens > 0,
      ),
  ],
  ["a preemption left out", () => drop(tight, "share-preempt")],
  ["KV memory that shrinks", () => withEngines(chunked, { kvBytes: 1_000_000_000 })],
]);
