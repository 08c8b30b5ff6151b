/** Each law catches what it is about: a sound journal, spoilt in one place, breaks it. */

import { strict as assert } from "node:assert";
import { describe, expect, test } from "vitest";
import { check } from "../../src/check/check.ts";
import { laws } from "../../src/check/laws.ts";
import type { Journal } from "../../src/journal/journal.ts";
import type { JournalEvent } from "../../src/model/event.ts";
import { change, drop, duplicate, find, insert, swap, withEvents } from "./mutate.ts";
import { wildRuns } from "./wild.ts";

function wild(name: string, seed = 1): Journal {
  const make = wildRuns[name];
  assert(make !== undefined);
  return make(seed);
}

const exclusive = wild("exclusive");
const chunked = wild("chunked", 3);
const whole = wild("whole", 3);
const pairs = wild("pairs");
const tight = wild("tight");

const static_ = (journal: Journal): ReadonlySet<string> =>
  new Set(
    journal.events.flatMap((event) =>
      event.kind === "workflow-arrive" && event.reveal === "static" ? [event.workflow] : [],
    ),
  );
const at = (journal: Journal, index: number): JournalEvent => journal.events[index] as JournalEvent;

/** Law, what is spoilt, how. */
const cases: readonly (readonly [string, string, () => Journal])[] = [
  [
    "time-order",
    "a time that runs backwards",
    () =>
      change(
        exclusive,
        "plan",
        () => ({ atUs: 0 }),
        (_event, index) => index > 800,
      ),
  ],
  ["time-order", "a gap in the positions", () => ({ ...exclusive, events: exclusive.events.toSpliced(300, 1) })],
  ["time-order", "a first position of 2", () => ({ ...exclusive, events: exclusive.events.slice(1) })],

  ["known-names", "an engine that is not there", () => change(exclusive, "share-start", () => ({ engine: "nowhere" }))],
  ["known-names", "a stage that is not there", () => change(exclusive, "stage-ready", () => ({ stage: "w0/none" }))],
  [
    "known-names",
    "a model that the engine cannot hold",
    () => change(exclusive, "model-load-start", () => ({ model: "gpt-none" })),
  ],
  ["known-names", "an end of a workflow that is over", () => duplicate(exclusive, "workflow-end")],
  [
    "known-names",
    "an output of a stage that is no parent",
    () => change(exclusive, "transfer-start", (event) => ({ parent: event.stage })),
  ],

  ["reveal", "a stage revealed twice", () => duplicate(exclusive, "stage-reveal")],
  [
    "reveal",
    "an ordinal left out",
    () => change(exclusive, "stage-reveal", ({ stage }) => ({ stage: { ...stage, ordinal: 999 } })),
  ],
  [
    "reveal",
    "a static stage revealed late",
    () => {
      const fixed = static_(exclusive);
      const index = find(
        exclusive,
        "stage-reveal",
        ({ stage }) => fixed.has(stage.workflow) && stage.parents.length > 0,
      );
      const event = at(exclusive, index);
      const later = find(exclusive, "plan", (plan) => plan.atUs > event.atUs);
      const moved = { ...event, atUs: at(exclusive, later).atUs };
      return withEvents(exclusive, exclusive.events.toSpliced(later + 1, 0, moved).toSpliced(index, 1));
    },
  ],
  [
    "reveal",
    "an online stage revealed before its parents have ended",
    () => {
      const fixed = static_(exclusive);
      const index = find(
        exclusive,
        "stage-reveal",
        ({ stage }) => !fixed.has(stage.workflow) && stage.parents.length > 0,
      );
      const event = at(exclusive, index) as Extract<JournalEvent, { kind: "stage-reveal" }>;
      const arrive = find(exclusive, "workflow-arrive", ({ workflow }) => workflow === event.stage.workflow);
      const first = find(exclusive, "stage-reveal", ({ stage }) => stage.workflow === event.stage.workflow);
      assert(first > arrive);
      const moved = { ...event, atUs: at(exclusive, first).atUs };
      return withEvents(exclusive, exclusive.events.toSpliced(index, 1).toSpliced(first + 1, 0, moved));
    },
  ],
  [
    "reveal",
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
    "reveal",
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
    "reveal",
    "an output whose true length is kept back",
    () =>
      change(
        exclusive,
        "stage-ready",
        ({ chainTokens = [] }) => ({ chainTokens: chainTokens.map((tokens) => tokens + 0.5) }),
        ({ chainTokens }) => chainTokens !== undefined,
      ),
  ],

  ["planned", "a miscount of ready stages", () => change(exclusive, "plan", ({ ready }) => ({ ready: ready + 1 }))],
  [
    "planned",
    "fewer decisions than were carried out",
    () =>
      change(
        exclusive,
        "plan",
        () => ({ decisions: 0 }),
        (_event, index) => at(exclusive, index + 1).kind === "stage-place",
      ),
  ],
  [
    "planned",
    "a placement without a plan",
    () => drop(exclusive, "plan", (_event, index) => at(exclusive, index + 1).kind === "stage-place"),
  ],

  [
    "placement",
    "an item too many",
    () =>
      change(exclusive, "stage-place", ({ shares }) => ({
        shares: shares.map((share) => ({ ...share, items: share.items + 1 })),
      })),
  ],
  [
    "placement",
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
    "placement",
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
    "placement",
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
    "placement",
    "a decode engine as the first",
    () =>
      change(pairs, "stage-place", ({ shares }) => ({
        shares: shares.map((share) => ({ ...share, engine: "engine-1" })),
      })),
  ],
  [
    "placement",
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
    "placement",
    "an engine that is down",
    () =>
      insert(
        exclusive,
        find(exclusive, "plan", (_event, index) => at(exclusive, index + 1).kind === "stage-place") - 1,
        ...exclusive.header.cluster.engines.map(({ id }) => ({ kind: "engine-down", engine: id })),
      ),
  ],

  [
    "precedence",
    "a stage ready before its parents have ended",
    () => {
      const index = find(
        exclusive,
        "stage-reveal",
        ({ stage }) => static_(exclusive).has(stage.workflow) && stage.parents.length > 0,
      );
      const event = at(exclusive, index) as Extract<JournalEvent, { kind: "stage-reveal" }>;
      return insert(exclusive, index, { kind: "stage-ready", stage: event.stage.key });
    },
  ],
  ["precedence", "a stage placed twice", () => duplicate(exclusive, "stage-place")],
  ["precedence", "a placement before the stage is ready", () => drop(exclusive, "stage-ready")],
  ["precedence", "a prompt taken in before the share starts", () => drop(exclusive, "share-start")],
  [
    "precedence",
    "decoding without prefill",
    () => drop(exclusive, "prefill-end", (_event, index) => at(exclusive, index + 1).kind === "decode-start"),
  ],
  ["precedence", "an end without decoding", () => drop(exclusive, "decode-end")],
  [
    "precedence",
    "a stage that ends without its shares",
    () => drop(exclusive, "share-end", ({ phase }) => phase !== "prefill"),
  ],
  ["precedence", "an input that never set out", () => drop(exclusive, "transfer-start")],
  [
    "precedence",
    "KV that goes elsewhere",
    () => change(pairs, "kv-transfer-start", ({ to }) => ({ to: to === "engine-1" ? "engine-3" : "engine-1" })),
  ],
  ["precedence", "a tool that ends before it starts", () => drop(exclusive, "tool-start")],
  [
    "precedence",
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
    "precedence",
    "a workflow that ends with a stage open",
    () => drop(exclusive, "stage-end", (_event, index) => at(exclusive, index + 1).kind === "workflow-end"),
  ],
  [
    "precedence",
    "a share that starts in another phase",
    () => change(pairs, "share-start", () => ({ phase: "whole" })),
  ],

  [
    "once-only",
    "a stage that ends twice",
    () => duplicate(exclusive, "stage-end", (_event, index) => at(exclusive, index + 1).kind !== "workflow-end"),
  ],
  ["once-only", "an attempt left out", () => change(exclusive, "stage-place", () => ({ attempt: 7 }))],
  [
    "once-only",
    "an attempt that was void already",
    () =>
      change(
        exclusive,
        "decode-end",
        ({ attempt }) => ({ attempt: attempt - 1 }),
        ({ attempt }) => attempt > 0,
      ),
  ],

  [
    "queue-order",
    "a share that is overtaken",
    () =>
      change(
        tight,
        "stage-place",
        () => ({ rank: -1 }),
        ({ stage, shares, sequence, rank }) => {
          const start = tight.events.findIndex((event) => event.kind === "share-start" && event.stage === stage);
          const engines = shares.map(({ engine }) => engine);
          return (
            rank >= 0 &&
            tight.events
              .slice(sequence, start)
              .some((event) => event.kind === "share-start" && engines.includes(event.engine))
          );
        },
      ),
  ],
  [
    "queue-order",
    "an engine that idles with a queue",
    () => {
      // All that runs goes to nothing: the last shares are never taken up.
      const index = exclusive.events.findLastIndex((event) => event.kind === "share-start");
      return withEvents(exclusive, exclusive.events.toSpliced(index, 1));
    },
  ],

  [
    "slots",
    "two shares at once",
    () =>
      drop(exclusive, "share-end", ({ engine }, index) =>
        exclusive.events
          .slice(index, index + 8)
          .some((event) => event.kind === "share-start" && event.engine === engine),
      ),
  ],
  ["slots", "more sequences than the batch takes", () => withBatching(chunked, { maxSequences: 1 })],

  ["memory", "a model that is not resident", () => drop(exclusive, "model-load-end")],
  ["memory", "models that do not fit", () => drop(exclusive, "model-evict", ({ cause }) => cause === "room")],
  [
    "memory",
    "a model evicted while in use",
    () => {
      const index = find(exclusive, "decode-start");
      const event = at(exclusive, index) as Extract<JournalEvent, { kind: "decode-start" }>;
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
  ["memory", "a model evicted that is not there", () => duplicate(exclusive, "model-evict")],
  [
    "memory",
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
    "memory",
    "bytes that are not the model's",
    () => change(exclusive, "model-load-start", ({ bytes }) => ({ bytes: bytes + 1 })),
  ],
  [
    "memory",
    "a load that nobody waits for",
    () =>
      change(
        exclusive,
        "model-load-start",
        () => ({ cause: "stage" }),
        ({ cause }) => cause === "prefetch",
      ),
  ],
  ["memory", "a load of what is there", () => duplicate(exclusive, "model-load-start")],
  [
    "memory",
    "a model used while it loads",
    () => swap(exclusive, "model-load-end", (_event, index) => at(exclusive, index + 1).kind === "prefill-start"),
  ],

  ["kv-memory", "more KV than there is", () => change(chunked, "share-start", () => ({ kvTokens: 100_000_000 }))],
  [
    "kv-memory",
    "a needless preemption",
    () =>
      change(chunked, "share-end", (event) => ({
        ...event,
        kind: "share-preempt" as never,
        kvTokens: 0,
        outputTokens: 0,
      })),
  ],
  ["kv-memory", "KV memory that shrinks", () => withEngines(chunked, { kvBytes: 1_000_000_000 })],

  [
    "batch",
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
    "batch",
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
    "batch",
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
    "batch",
    "pairs left out",
    () =>
      change(
        whole,
        "batch-step",
        () => ({ prefillPairs: 0 }),
        ({ prefillTokens }) => prefillTokens > 0,
      ),
  ],
  ["batch", "an iteration left out", () => drop(chunked, "batch-step", ({ sequences }) => sequences > 0)],
  [
    "batch",
    "an iteration too many",
    () =>
      change(
        chunked,
        "batch-step",
        ({ steps }) => ({ steps: steps + 1 }),
        ({ prefillTokens }) => prefillTokens === 0,
      ),
  ],
  ["batch", "a late start", () => change(chunked, "batch-step", ({ startUs }) => ({ startUs: startUs + 1 }))],
  ["batch", "a smaller budget", () => withBatching(chunked, { prefillTokens: 128 })],
  ["batch", "whole prompts in an engine that takes chunks", () => withBatching(chunked, { chunkedPrefill: false })],

  [
    "amounts",
    "a prompt too long",
    () => change(exclusive, "prefill-start", ({ promptTokens }) => ({ promptTokens: promptTokens + 1 })),
  ],
  [
    "amounts",
    "KV memory for less than the limit",
    () => change(exclusive, "share-start", ({ kvTokens }) => ({ kvTokens: kvTokens - 1 })),
  ],
  [
    "amounts",
    "more sequences",
    () => change(exclusive, "decode-start", ({ sequences }) => ({ sequences: sequences + 1 })),
  ],
  [
    "amounts",
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
    "amounts",
    "a longer context",
    () => change(exclusive, "decode-start", ({ contextTokens }) => ({ contextTokens: contextTokens + 1 })),
  ],
  [
    "amounts",
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
    "amounts",
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
    "amounts",
    "a tool that writes",
    () =>
      change(
        exclusive,
        "stage-end",
        () => ({ outputTokens: 5 }),
        ({ host }) => host === undefined,
      ),
  ],

  [
    "prefix",
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
    "prefix",
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
    "prefix",
    "a whole prompt from the cache",
    () => change(exclusive, "prefill-start", ({ promptTokens }) => ({ cachedTokens: promptTokens })),
  ],
  [
    "prefix",
    "a cache that outlives its model",
    () => {
      const index = find(
        exclusive,
        "prefill-start",
        ({ cachedTokens, engine }) => cachedTokens > 0 && engine === "engine-0",
      );
      const event = at(exclusive, index) as Extract<JournalEvent, { kind: "prefill-start" }>;
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

  [
    "reachability",
    "an output from where it does not lie",
    () =>
      change(exclusive, "transfer-start", ({ from, to }) => ({
        from: ["host-0", "host-1", "host-2", "host-3"].find((host) => host !== from && host !== to) as string,
      })),
  ],
  [
    "reachability",
    "an output for another host",
    () => change(exclusive, "transfer-start", ({ from }) => ({ to: from })),
  ],
  [
    "reachability",
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
    "reachability",
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
    "reachability",
    "a prompt taken in before its input is there",
    () => {
      const index = find(exclusive, "transfer-start");
      const event = at(exclusive, index) as Extract<JournalEvent, { kind: "transfer-start" }>;
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
    "reachability",
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
    "reachability",
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

  [
    "serial-ways",
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
    "serial-ways",
    "a wait for nothing",
    () =>
      change(
        exclusive,
        "transfer-start",
        () => ({ waitUs: 9 }),
        ({ waitUs }) => waitUs === 0,
      ),
  ],
  [
    "serial-ways",
    "KV that waits for nothing",
    () =>
      change(
        pairs,
        "kv-transfer-start",
        () => ({ waitUs: 9 }),
        ({ waitUs }) => waitUs === 0,
      ),
  ],

  [
    "durations",
    "a load that takes longer",
    () => change(exclusive, "model-load-start", ({ durationUs }) => ({ durationUs: durationUs + 1 })),
  ],
  ["durations", "a load that ends late", () => delay(exclusive, "model-load-end")],
  [
    "durations",
    "a transfer that takes longer",
    () => change(exclusive, "transfer-start", ({ durationUs }) => ({ durationUs: durationUs + 1 })),
  ],
  [
    "durations",
    "a transfer of more bytes",
    () => change(exclusive, "transfer-start", ({ bytes }) => ({ bytes: bytes + 1 })),
  ],
  ["durations", "a transfer that ends late", () => delay(exclusive, "transfer-end")],
  ["durations", "a prefill that ends late", () => delay(exclusive, "prefill-end")],
  ["durations", "a decode that ends late", () => delay(exclusive, "decode-end")],
  [
    "durations",
    "a KV transfer of fewer bytes",
    () => change(pairs, "kv-transfer-start", ({ bytes }) => ({ bytes: bytes - 1 })),
  ],
  [
    "durations",
    "a KV transfer that takes longer",
    () => change(pairs, "kv-transfer-start", ({ durationUs }) => ({ durationUs: durationUs + 1 })),
  ],
  ["durations", "a KV transfer that ends late", () => delay(pairs, "kv-transfer-end")],
  ["durations", "a batch step that ends late", () => delay(chunked, "batch-step")],
  ["durations", "a merge for nothing", () => delay(exclusive, "stage-end", ({ host }) => host !== undefined)],
  ["durations", "a slowness that nobody told", () => drop(exclusive, "engine-slow", ({ factor }) => factor > 1)],
  [
    "durations",
    "another calibration",
    () => ({
      ...exclusive,
      header: {
        ...exclusive.header,
        calibration: { ...exclusive.header.calibration, models: { "llama-3.1-8b": { prefill: 1.1, decode: 1 } } },
      },
    }),
  ],

  ["no-gaps", "a pause before the prefill", () => delay(exclusive, "prefill-start")],
  ["no-gaps", "a pause before decoding", () => delay(exclusive, "decode-start")],
  ["no-gaps", "a pause before the end", () => delay(exclusive, "share-end")],
  ["no-gaps", "a pause before an input", () => delay(exclusive, "transfer-start")],
  ["no-gaps", "a pause before the load", () => delay(exclusive, "model-load-start", ({ cause }) => cause === "stage")],
  ["no-gaps", "a pause before KV sets out", () => delay(pairs, "kv-transfer-start")],

  ["health", "work on an engine that is down", () => drop(exclusive, "engine-up")],
  [
    "health",
    "a crash that nobody told",
    () => drop(exclusive, "engine-down", (_event, index) => at(exclusive, index - 1).kind === "stage-lost"),
  ],
  [
    "health",
    "a stage not declared lost",
    () => drop(exclusive, "stage-lost", ({ reason }) => reason === "engine-down"),
  ],
  [
    "health",
    "a loss on another engine",
    () =>
      change(
        exclusive,
        "engine-down",
        ({ engine }) => ({ engine: engine === "engine-0" ? "engine-1" : "engine-0" }),
        (_event, index) => at(exclusive, index - 1).kind === "stage-lost",
      ),
  ],
  ["health", "a return of an engine that is up", () => duplicate(exclusive, "engine-up")],
  [
    "health",
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

  ["accounted", "a workflow that never ends", () => drop(exclusive, "workflow-end")],
  ["accounted", "a run that breaks off", () => withEvents(exclusive, exclusive.events.slice(0, -40))],
  [
    "accounted",
    "a workflow given up while it runs",
    () => {
      const index = find(exclusive, "decode-start");
      const event = at(exclusive, index) as Extract<JournalEvent, { kind: "decode-start" }>;
      return insert(exclusive, index, {
        kind: "workflow-abandon",
        workflow: event.stage.split("/")[0],
        reason: "no-engine",
      });
    },
  ],
];

describe.each(laws.map(({ name }) => name))("%s", (law) => {
  const own = cases.filter(([name]) => name === law);
  test.each(own.map(([, what, spoil]) => [what, spoil] as const))("%s", (_what, spoil) => {
    const found = check(spoil());
    expect([...new Set(found.map((violation) => violation.law))]).toContain(law);
  });

  test("has a case", () => {
    expect(own.length).toBeGreaterThan(0);
  });
});

/** A record that comes a microsecond late. Time still goes forward if the next record is later than that. */
function delay<Kind extends JournalEvent["kind"]>(
  journal: Journal,
  kind: Kind,
  test: (event: Extract<JournalEvent, { kind: Kind }>) => boolean = () => true,
): Journal {
  return change(
    journal,
    kind,
    (event) => ({ atUs: event.atUs + 1 }) as never,
    (event) => test(event),
  );
}

function withEngines(journal: Journal, changed: object): Journal {
  const { cluster } = journal.header;
  const engines = cluster.engines.map((engine) => ({ ...engine, ...changed }));
  return { ...journal, header: { ...journal.header, cluster: { ...cluster, engines } } };
}

function withBatching(journal: Journal, changed: object): Journal {
  const { cluster } = journal.header;
  const engines = cluster.engines.map((engine) => ({
    ...engine,
    batching: { ...engine.batching, ...changed } as never,
  }));
  return { ...journal, header: { ...journal.header, cluster: { ...cluster, engines } } };
}
