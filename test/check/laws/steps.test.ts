/** Laws about the order of steps. */

import type { JournalEvent } from "../../../src/model/event.ts";
import { exclusive, expectCaught, pairs, staticWorkflows } from "../caught.ts";
import { change, delay, drop, duplicate, find, insert, recordAt } from "../mutate.ts";

expectCaught("precedence", [
  [
    "a stage ready before its parents have ended",
    () => {
      const index = find(
        exclusive,
        "stage-reveal",
        ({ stage }) => staticWorkflows(exclusive).has(stage.workflow) && stage.parents.length > 0,
      );
      const event = recordAt(exclusive, index) as Extract<JournalEvent, { kind: "stage-reveal" }>;
      return insert(exclusive, index, { kind: "stage-ready", stage: event.stage.key });
    },
  ],
  ["a stage placed twice", () => duplicate(exclusive, "stage-place")],
  ["a placement before the stage is ready", () => drop(exclusive, "stage-ready")],
  ["a prompt taken in before the share starts", () => drop(exclusive, "share-start")],
  [
    "decoding without prefill",
    () => drop(exclusive, "prefill-end", (_event, index) => recordAt(exclusive, index + 1).kind === "decode-start"),
  ],
  ["an end without decoding", () => drop(exclusive, "decode-end")],
  [
    "a stage that ends without its shares",
    () => drop(exclusive, "share-end", (_event, index) => recordAt(exclusive, index + 1).kind === "stage-end"),
  ],
  ["an input that never set out", () => drop(exclusive, "transfer-start")],
  [
    "KV that goes elsewhere",
    () => change(pairs, "kv-transfer-start", ({ to }) => ({ to: to === "engine-1" ? "engine-3" : "engine-1" })),
  ],
  ["a tool that ends before it starts", () => drop(exclusive, "tool-start")],
  [
    "a result lost before the shares have ended",
    () =>
      change(
        exclusive,
        "stage-lost",
        () => ({ reason: "result-lost" }),
        ({ reason }) => reason === "engine-down",
      ),
  ],
  [
    "a workflow that ends with a stage open",
    () => drop(exclusive, "stage-end", (_event, index) => recordAt(exclusive, index + 1).kind === "workflow-end"),
  ],
  ["a share that starts in another phase", () => change(pairs, "share-start", () => ({ phase: "whole" }))],
]);

expectCaught("no-gaps", [
  ["a pause before the prefill", () => delay(exclusive, "prefill-start")],
  ["a pause before decoding", () => delay(exclusive, "decode-start")],
  ["a pause before the end", () => delay(exclusive, "share-end")],
  ["a pause before an input", () => delay(exclusive, "transfer-start")],
  ["a pause before the load", () => delay(exclusive, "model-load-start", ({ cause }) => cause === "stage")],
  ["a pause before KV sets out", () => delay(pairs, "kv-transfer-start")],
]);
