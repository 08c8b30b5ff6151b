/** Laws about batches and amounts. */

import { chunked, exclusive, expectCaught, whole } from "../caught.ts";
import { change, drop, withBatching } from "../mutate.ts";

expectCaught("batch", [
  [
    "a token too many",
    () =>
      change(
        chunked,
        "batch-step",
        ({ prefillTokens }) => ({ prefillTokens: prefillTokens + 1 }),
        ({ prefillTokens }) => prefillTokens > 0,
      ),
  ],
  [
    "a sequence too few",
    () =>
      change(
        chunked,
        "batch-step",
        ({ sequences }) => ({ sequences: sequences - 1 }),
        ({ sequences }) => sequences > 1,
      ),
  ],
  [
    "a context too short",
    () =>
      change(
        chunked,
        "batch-step",
        ({ contextTokens }) => ({ contextTokens: contextTokens - 1 }),
        ({ sequences }) => sequences > 0,
      ),
  ],
  [
    "pairs left out",
    () =>
      change(
        whole,
        "batch-step",
        () => ({ prefillPairs: 0 }),
        ({ prefillTokens }) => prefillTokens > 0,
      ),
  ],
  ["an iteration left out", () => drop(chunked, "batch-step", ({ sequences }) => sequences > 0)],
  [
    "an iteration too many",
    () =>
      change(
        chunked,
        "batch-step",
        ({ steps }) => ({ steps: steps + 1 }),
        ({ prefillTokens }) => prefillTokens === 0,
      ),
  ],
  ["a late start", () => change(chunked, "batch-step", ({ startUs }) => ({ startUs: startUs + 1 }))],
  ["a smaller budget", () => withBatching(chunked, { prefillTokens: 128 })],
  ["whole prompts in an engine that takes chunks", () => withBatching(chunked, { chunkedPrefill: false })],
]);

expectCaught("amounts", [
  [
    "a prompt too long",
    () => change(exclusive, "prefill-start", ({ promptTokens }) => ({ promptTokens: promptTokens + 1 })),
  ],
  [
    "KV memory for less than the limit",
    () => change(exclusive, "share-start", ({ kvTokens }) => ({ kvTokens: kvTokens - 1 })),
  ],
  ["more sequences", () => change(exclusive, "decode-start", ({ sequences }) => ({ sequences: sequences + 1 }))],
  [
    "fewer waves",
    () =>
      change(
        exclusive,
        "decode-start",
        ({ waves }) => ({ waves: waves - 1 }),
        ({ waves }) => waves > 1,
      ),
  ],
  [
    "a longer context",
    () => change(exclusive, "decode-start", ({ contextTokens }) => ({ contextTokens: contextTokens + 1 })),
  ],
  [
    "shares that disagree about the output",
    () =>
      change(
        exclusive,
        "stage-end",
        ({ outputTokens }) => ({ outputTokens: outputTokens + 500 }),
        ({ outputTokens }) => outputTokens > 0,
      ),
  ],
  [
    "an output beyond the limit",
    () =>
      change(
        exclusive,
        "stage-end",
        () => ({ outputTokens: 5000 }),
        ({ outputTokens }) => outputTokens > 0,
      ),
  ],
  [
    "a tool that writes",
    () =>
      change(
        exclusive,
        "stage-end",
        () => ({ outputTokens: 5 }),
        ({ host }) => host === undefined,
      ),
  ],
]);
