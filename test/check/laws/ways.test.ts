/** Laws about prefixes, transfers and ways. */

import { strict as assert } from "node:assert";
import type { JournalEvent } from "../../../src/model/event.ts";
import { branched, exclusive, expectCaught, pairs } from "../caught.ts";
import { change, find, insert, recordAt, withEvents } from "../mutate.ts";

expectCaught("prefix", [
  [
    "cached tokens of a prompt never seen",
    () =>
      change(
        exclusive,
        "prefill-start",
        () => ({ cachedTokens: 800 }),
        ({ cachedTokens }) => cachedTokens === 0,
      ),
  ],
  [
    "cached tokens that end inside a link",
    () =>
      change(
        exclusive,
        "prefill-start",
        () => ({ cachedTokens: 799 }),
        ({ cachedTokens }) => cachedTokens >= 800,
      ),
  ],
  [
    "a whole prompt from the cache",
    () => change(exclusive, "prefill-start", ({ promptTokens }) => ({ cachedTokens: promptTokens })),
  ],
  [
    "a cache that outlives its model",
    () => {
      const index = find(
        exclusive,
        "prefill-start",
        ({ cachedTokens, engine }) => cachedTokens > 0 && engine === "engine-0",
      );
      const event = recordAt(exclusive, index) as Extract<JournalEvent, { kind: "prefill-start" }>;
      const stage = exclusive.events.find(
        (before) => before.kind === "stage-reveal" && before.stage.key === event.stage,
      );
      assert(stage?.kind === "stage-reveal" && stage.stage.kind !== "tool");
      return insert(exclusive, index - 1, {
        kind: "model-evict",
        engine: event.engine,
        model: stage.stage.model,
        cause: "policy",
      });
    },
  ],
]);

expectCaught("reachability", [
  [
    "an output from where it does not lie",
    () =>
      change(exclusive, "transfer-start", ({ from, to }) => ({
        from: ["host-0", "host-1", "host-2", "host-3"].find((host) => host !== from && host !== to) as string,
      })),
  ],
  ["an output for another host", () => change(exclusive, "transfer-start", ({ from }) => ({ to: from }))],
  [
    "a link that is not there",
    () =>
      change(
        exclusive,
        "transfer-start",
        () => ({ via: "link" }),
        ({ via }) => via === "store",
      ),
  ],
  [
    "the store beside a link",
    () =>
      change(
        exclusive,
        "transfer-start",
        () => ({ via: "store" }),
        ({ via }) => via === "link",
      ),
  ],
  [
    "a prompt taken in before its input is there",
    () => {
      const index = find(exclusive, "transfer-start");
      const event = recordAt(exclusive, index) as Extract<JournalEvent, { kind: "transfer-start" }>;
      return withEvents(
        exclusive,
        exclusive.events.filter(
          (other) =>
            !(
              (other.kind === "transfer-start" || other.kind === "transfer-end") &&
              other.stage === event.stage &&
              other.parent === event.parent
            ),
        ),
      );
    },
  ],
  [
    "a result that lies elsewhere",
    () =>
      change(
        exclusive,
        "stage-end",
        ({ host }) => ({ host: host === "host-3" ? "host-0" : "host-3" }),
        ({ host }) => host !== undefined,
      ),
  ],
  [
    "a zone that keeps its outputs",
    () => ({
      ...exclusive,
      header: {
        ...exclusive.header,
        cluster: {
          ...exclusive.header.cluster,
          zones: [{ id: "closed", keepsOutputs: true }],
          hosts: exclusive.header.cluster.hosts.map((host) =>
            host.id === "host-1" ? { ...host, zone: "closed" } : host,
          ),
        },
      },
    }),
  ],
]);

expectCaught("serial-ways", [
  [
    "a wait left out",
    () =>
      change(
        exclusive,
        "transfer-start",
        () => ({ waitUs: 0 }),
        ({ waitUs }) => waitUs > 0,
      ),
  ],
  [
    "a wait for nothing",
    () =>
      change(
        exclusive,
        "transfer-start",
        () => ({ waitUs: 9 }),
        ({ waitUs }) => waitUs === 0,
      ),
  ],
  ["a wait in a cluster without contention", () => change(branched, "transfer-start", () => ({ waitUs: 9 }))],
  [
    "no wait where there is contention",
    () => {
      const { contention: _none, ...cluster } = branched.header.cluster;
      return { ...branched, header: { ...branched.header, cluster } };
    },
  ],
  [
    "KV that waits for nothing",
    () =>
      change(
        pairs,
        "kv-transfer-start",
        () => ({ waitUs: 9 }),
        ({ waitUs }) => waitUs === 0,
      ),
  ],
]);
