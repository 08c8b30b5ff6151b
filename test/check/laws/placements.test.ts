/** Laws about placements, queues and slots. */

import { chunked, exclusive, expectCaught, pairs, tight } from "../caught.ts";
import { change, drop, find, insert, recordAt, withBatching, withEvents } from "../mutate.ts";

expectCaught("placement", [
  [
    "an item too many",
    () =>
      change(exclusive, "stage-place", ({ shares }) => ({
        shares: shares.map((share) => ({ ...share, items: share.items + 1 })),
      })),
  ],
  [
    "a share left out",
    () =>
      change(
        exclusive,
        "stage-place",
        ({ shares }) => ({ shares: shares.slice(1) }),
        ({ shares }) => shares.length > 1,
      ),
  ],
  [
    "two shares on one engine",
    () =>
      change(
        exclusive,
        "stage-place",
        ({ shares }) => ({ shares: shares.map((share) => ({ ...share, engine: "engine-0" })) }),
        ({ shares }) => shares.length > 1,
      ),
  ],
  [
    "a decode engine that only prefills",
    () =>
      change(
        pairs,
        "stage-place",
        () => ({ decodeEngine: "engine-2" }),
        ({ decodeEngine }) => decodeEngine !== undefined,
      ),
  ],
  [
    "a decode engine as the first",
    () =>
      change(pairs, "stage-place", ({ shares }) => ({
        shares: shares.map((share) => ({ ...share, engine: "engine-1" })),
      })),
  ],
  [
    "no decode engine after a prefill engine",
    () =>
      change(
        pairs,
        "stage-place",
        () => ({ decodeEngine: undefined as never }),
        ({ decodeEngine }) => decodeEngine !== undefined,
      ),
  ],
  [
    "an engine that is down",
    () =>
      insert(
        exclusive,
        find(exclusive, "plan", (_event, index) => recordAt(exclusive, index + 1).kind === "stage-place") - 1,
        ...exclusive.header.cluster.engines.map(({ id }) => ({ kind: "engine-down", engine: id })),
      ),
  ],
]);

expectCaught("queue-order", [
  [
    "a share that is overtaken",
    () =>
      change(
        tight,
        "stage-place",
        () => ({ rank: -1 }),
        ({ stage, shares, sequence, rank }) => {
          const start = tight.events.findIndex((event) => event.kind === "share-start" && event.stage === stage);
          const engines = new Set(shares.map(({ engine }) => engine));
          return (
            rank >= 0 &&
            tight.events
              .slice(sequence, start)
              .some((event) => event.kind === "share-start" && engines.has(event.engine))
          );
        },
      ),
  ],
  [
    "an engine that idles with a queue",
    () => {
      // All that runs goes to nothing: the last shares are never taken up.
      const index = exclusive.events.findLastIndex((event) => event.kind === "share-start");
      return withEvents(exclusive, exclusive.events.toSpliced(index, 1));
    },
  ],
]);

expectCaught("slots", [
  [
    "two shares at once",
    () =>
      drop(exclusive, "share-end", ({ engine }, index) =>
        exclusive.events
          .slice(index, index + 8)
          .some((event) => event.kind === "share-start" && event.engine === engine),
      ),
  ],
  ["more sequences than the batch takes", () => withBatching(chunked, { maxSequences: 1 })],
]);
