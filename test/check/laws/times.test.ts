/** Laws about durations and crashes. */

import { chunked, exclusive, expectCaught, pairs } from "../caught.ts";
import { change, delay, drop, duplicate, find, insert, recordAt } from "../mutate.ts";

expectCaught("durations", [
  [
    "a load that takes longer",
    () => change(exclusive, "model-load-start", ({ durationUs }) => ({ durationUs: durationUs + 1 })),
  ],
  ["a load that ends late", () => delay(exclusive, "model-load-end")],
  [
    "a transfer that takes longer",
    () => change(exclusive, "transfer-start", ({ durationUs }) => ({ durationUs: durationUs + 1 })),
  ],
  ["a transfer of more bytes", () => change(exclusive, "transfer-start", ({ bytes }) => ({ bytes: bytes + 1 }))],
  ["a transfer that ends late", () => delay(exclusive, "transfer-end")],
  ["a prefill that ends late", () => delay(exclusive, "prefill-end")],
  ["a decode that ends late", () => delay(exclusive, "decode-end")],
  ["a KV transfer of fewer bytes", () => change(pairs, "kv-transfer-start", ({ bytes }) => ({ bytes: bytes - 1 }))],
  [
    "a KV transfer that takes longer",
    () => change(pairs, "kv-transfer-start", ({ durationUs }) => ({ durationUs: durationUs + 1 })),
  ],
  ["a KV transfer that ends late", () => delay(pairs, "kv-transfer-end")],
  ["a batch step that ends late", () => delay(chunked, "batch-step")],
  ["a merge for nothing", () => delay(exclusive, "stage-end", ({ host }) => host !== undefined)],
  ["a slowness that nobody told", () => drop(exclusive, "engine-slow", ({ factor }) => factor > 1)],
  [
    "another calibration",
    () => ({
      ...exclusive,
      header: {
        ...exclusive.header,
        calibration: { ...exclusive.header.calibration, models: { "llama-3.1-8b": { prefill: 1.1, decode: 1 } } },
      },
    }),
  ],
]);

expectCaught("health", [
  ["work on an engine that is down", () => drop(exclusive, "engine-up")],
  [
    "a crash that nobody told",
    () => drop(exclusive, "engine-down", (_event, index) => recordAt(exclusive, index - 1).kind === "stage-lost"),
  ],
  ["a stage not declared lost", () => drop(exclusive, "stage-lost", ({ reason }) => reason === "engine-down")],
  [
    "a loss on another engine",
    () =>
      change(
        exclusive,
        "engine-down",
        ({ engine }) => ({ engine: engine === "engine-0" ? "engine-1" : "engine-0" }),
        (_event, index) => recordAt(exclusive, index - 1).kind === "stage-lost",
      ),
  ],
  ["a return of an engine that is up", () => duplicate(exclusive, "engine-up")],
  [
    "a pair whose decode engine is gone",
    () => {
      const index = find(pairs, "prefill-start");
      return insert(
        pairs,
        index,
        { kind: "engine-down", engine: "engine-1" },
        { kind: "engine-down", engine: "engine-3" },
      );
    },
  ],
]);
