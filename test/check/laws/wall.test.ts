/** What only a wall clock may show, what it excuses, and what it does not. */

import { describe, expect, test } from "vitest";
import { check } from "../../../src/check/check.ts";
import { laws } from "../../../src/check/laws.ts";
import type { Journal } from "../../../src/journal/journal.ts";
import { branched, chunked, exclusive, expectCaught, staticWorkflows, type Case } from "../caught.ts";
import { change, delay, drop, find, insert, recordAt, withEvents, type EventOf } from "../mutate.ts";

/** The same, said to be recorded from real servers. */
function onWall({ header, events }: Journal): Journal {
  return { header: { ...header, clock: "wall" }, events };
}

function broken(journal: Journal): readonly string[] {
  return [...new Set(check(journal).map(({ law }) => law))];
}

/** Checks that a wall clock excuses what breaks the law without one. */
function expectExcused(law: string, cases: readonly Case[]): void {
  describe(`${law}, on a wall clock, excuses`, () => {
    test.each(cases)("%s", (_what, spoil) => {
      expect(broken(spoil())).toContain(law);
      expect(broken(onWall(spoil()))).not.toContain(law);
    });
  });
}

/** Checks that the law still catches these on a wall clock, and nothing in what they were made from. */
function expectCaughtOnWall(law: string, from: readonly Journal[], cases: readonly Case[]): void {
  describe(`${law}, on a wall clock too, catches`, () => {
    test.each(cases)("%s", (_what, spoil) => {
      for (const journal of from) expect(broken(onWall(journal))).not.toContain(law);
      expect(broken(onWall(spoil()))).toContain(law);
    });
  });
}

const sound = find(exclusive, "share-end");
const { stage, share, engine } = recordAt(exclusive, find(exclusive, "share-start")) as EventOf<"share-start">;
const model = "llama-3.1-8b";
const load = { engine, model, bytes: 1, durationUs: 0 };

const wallRecords: readonly (readonly [string, object])[] = [
  ["a drop", { kind: "stage-drop", stage, attempt: 0, reason: "client-gone" }],
  ["a prefix that is gone", { kind: "prefix-drop", engine, model }],
  ["a correction", { kind: "cost-correct", engine, model, load: 2, prefill: 1, decode: 1 }],
  ["a cache of before", { kind: "prefix-restore", engine, model, links: [[1, 1]] }],
  ["a memory", { kind: "policy-remember", policy: "fate", memory: "{}" }],
  ["a drain", { kind: "engine-drain", engine }],
  ["an eviction that was seen", { kind: "model-evict", engine, model, cause: "observed" }],
  ["an eviction after a load that failed", { kind: "model-evict", engine, model, cause: "failed" }],
  ["a load that was seen", { kind: "model-load-start", ...load, cause: "observed" }],
  ["a stage that an engine failed", { kind: "stage-lost", stage, attempt: 0, reason: "engine-failed" }],
  ["a stage that is forgiven", { kind: "stage-forgive", stage }],
  ["a stage that avoids an engine", { kind: "stage-lost", stage, attempt: 0, reason: "result-lost", avoid: engine }],
];

expectCaught(
  "wall-only",
  wallRecords.map(([what, record]) => [what, () => insert(exclusive, sound, { share, ...record })]),
);
expectExcused(
  "wall-only",
  wallRecords.map(([what, record]) => [what, () => insert(exclusive, sound, { share, ...record })]),
);

const rootsAre = (what: object): Journal =>
  change(branched, "stage-reveal", ({ stage: shown }) =>
    shown.parents.length > 0 ? {} : { stage: { ...shown, ...what } },
  );
const nameless: readonly Case[] = [["parents without a name", () => rootsAre({ unnamedParents: 1 })]];
expectCaught("wall-only", nameless);
expectExcused("wall-only", nameless);

const revealed = new Map(
  branched.events.flatMap((event) => (event.kind === "stage-reveal" ? [[event.stage.key, event.stage]] : [])),
);
const hasParents = ({ stage: key }: { readonly stage: string }): boolean =>
  (revealed.get(key)?.parents.length ?? 0) > 0;

/** Before what it waits for, by the clock alone: the records keep their order. */
const early = ({ atUs }: { readonly atUs: number }) => ({ atUs: atUs - 1 });

expectExcused("branches", [["a stage skipped late", () => delay(branched, "stage-skip", hasParents)]]);
expectCaughtOnWall(
  "branches",
  [branched],
  [
    ["a stage skipped before its parents were over", () => change(branched, "stage-skip", early, hasParents)],
    [
      "a stage skipped that is sure to run",
      () => {
        const index = find(branched, "stage-ready", ({ stage: key }) => revealed.get(key)?.chance === undefined);
        const { atUs, sequence, stage: key } = recordAt(branched, index) as EventOf<"stage-ready">;
        return withEvents(branched, branched.events.with(index, { kind: "stage-skip", atUs, sequence, stage: key }));
      },
    ],
  ],
);

test("a stage may be skipped where parents without a name may have been skipped, and not otherwise", () => {
  const skipARoot = (journal: Journal): Journal => {
    const index = find(journal, "stage-ready", ({ stage: key }) => isSureRoot(key));
    const { atUs, sequence, stage: key } = recordAt(journal, index) as EventOf<"stage-ready">;
    return withEvents(journal, journal.events.with(index, { kind: "stage-skip", atUs, sequence, stage: key }));
  };
  expect(broken(onWall(skipARoot(branched)))).toContain("branches");
  expect(broken(onWall(skipARoot(rootsAre({ unnamedParents: 1 }))))).not.toContain("branches");
});

function isSureRoot(key: string): boolean {
  const shown = revealed.get(key);
  return shown?.chance === undefined && shown?.parents.length === 0;
}

expectExcused("precedence", [
  ["a stage that is ready late", () => delay(branched, "stage-ready", hasParents)],
  ["a tool that begins late", () => delay(branched, "tool-start")],
  ["a workflow that ends late", () => delay(branched, "workflow-end")],
]);
expectCaughtOnWall(
  "precedence",
  [branched],
  [
    ["a stage that is ready before its parents ended", () => change(branched, "stage-ready", early, hasParents)],
    ["a tool that ends before it ran", () => change(branched, "stage-end", early, ({ stage: key }) => isTool(key))],
    ["a workflow that ends before its last stage", () => change(branched, "workflow-end", early)],
    ["a stage that is placed twice", () => insertAgain("stage-place")],
    [
      "a stage that is forgiven while it waits",
      () => {
        const index = find(branched, "stage-ready", hasParents);
        const { stage: key } = recordAt(branched, index) as EventOf<"stage-ready">;
        return insert(branched, index, { kind: "stage-forgive", stage: key });
      },
    ],
    [
      "a stage that is forgiven, and avoided nobody",
      () => {
        const index = find(branched, "stage-place");
        const { stage: key } = recordAt(branched, index) as EventOf<"stage-place">;
        return insert(branched, index - 1, { kind: "stage-forgive", stage: key });
      },
    ],
  ],
);

function isTool(key: string): boolean {
  return revealed.get(key)?.kind === "tool";
}

function insertAgain(kind: "stage-place"): Journal {
  const index = find(branched, kind);
  return insert(branched, index, recordAt(branched, index));
}

const ofStatic = ({ stage: { workflow } }: EventOf<"stage-reveal">): boolean => staticWorkflows(branched).has(workflow);
const ofOnline = (event: EventOf<"stage-reveal">): boolean => !ofStatic(event) && event.stage.parents.length > 0;
const isModel = ({ stage: key }: { readonly stage: string }): boolean => revealed.get(key)?.kind !== "tool";

expectExcused("reveal", [
  ["a stage of a static workflow that comes later", () => delay(branched, "stage-reveal", ofStatic)],
  ["one of an online workflow that comes later", () => delay(branched, "stage-reveal", ofOnline)],
  [
    "ordinals with gaps",
    () => ({
      ...branched,
      events: branched.events.map((event) =>
        event.kind === "stage-reveal"
          ? { ...event, stage: { ...event.stage, ordinal: 3 * event.stage.ordinal + 1 } }
          : event,
      ),
    }),
  ],
  ["lengths that are counted otherwise", () => change(branched, "stage-ready", withLinks(0, 7), isModel)],
]);
expectCaughtOnWall(
  "reveal",
  [branched],
  [
    ["a stage that is revealed before its parents ended", () => change(branched, "stage-reveal", early, ofOnline)],
    [
      "an ordinal that was given already",
      () =>
        change(
          branched,
          "stage-reveal",
          ({ stage: last }) => ({ stage: { ...last, ordinal: 0 } }),
          ({ stage: { ordinal } }) => ordinal > 3,
        ),
    ],
    ["a prompt with another number of links", () => change(branched, "stage-ready", withLinks(1, 0), isModel)],
  ],
);

/** The prompt as it was revealed, with so many links and tokens more. */
function withLinks(links: number, tokens: number) {
  return ({ stage: key }: EventOf<"stage-ready">) => {
    const shown = revealed.get(key);
    const chain = shown === undefined || shown.kind === "tool" ? [] : shown.chain;
    return { chainTokens: [...chain.map((link) => link.tokens + tokens), ...Array.from({ length: links }, () => 1)] };
  };
}

const written = ({ host }: EventOf<"stage-end">): boolean => host !== undefined;
const read = new Set(
  chunked.events.flatMap((event) =>
    event.kind === "stage-reveal" ? event.stage.parents.map((parent) => parent.stage) : [],
  ),
);

expectExcused("reachability", [
  [
    "an output that lies with the caller",
    () => {
      const index = find(chunked, "stage-end", (event) => written(event) && !read.has(event.stage));
      const { host: _host, ...rest } = recordAt(chunked, index) as EventOf<"stage-end">;
      return { ...chunked, events: chunked.events.with(index, rest) };
    },
  ],
]);
expectCaughtOnWall(
  "reachability",
  [chunked],
  [["an output that lies elsewhere", () => change(chunked, "stage-end", () => ({ host: "nowhere" }), written)]],
);

const forStage = ({ cause }: EventOf<"model-load-start">): boolean => cause === "stage";

expectCaughtOnWall(
  "memory",
  [chunked],
  [
    [
      "a load for a stage that nobody waits for",
      () =>
        change(
          chunked,
          "model-load-start",
          () => ({ cause: "stage" }),
          ({ cause }) => cause === "prefetch",
        ),
    ],
    ["a load that was never begun", () => drop(chunked, "model-load-start", forStage)],
  ],
);

describe("a recording of real servers", () => {
  test("may end anywhere, a simulated run may not", () => {
    const part = withEvents(chunked, chunked.events.slice(0, -40));
    expect(broken(part)).toContain("accounted");
    expect(broken(onWall(part))).toEqual([]);
  });

  test("is held against no law about durations and amounts, and against all others", () => {
    const modelled = new Set(laws.filter(({ scope }) => scope === "model").map(({ name }) => name));
    const longer = change(chunked, "prefill-start", ({ promptTokens }) => ({ promptTokens: promptTokens + 1 }));
    expect(broken(longer).some((name) => modelled.has(name))).toBe(true);
    expect(broken(onWall(longer))).toEqual([]);
  });

  test("may begin where another file ended, and goes on from there without a gap", () => {
    const { header, events } = onWall(chunked);
    const from = (firstSequence: number): Journal => ({
      header: { ...header, firstSequence },
      events: events.map((event) => ({ ...event, sequence: event.sequence + 99 })),
    });
    expect(broken(from(100))).toEqual([]);
    expect(broken(from(99))).toEqual(["time-order"]);
  });
});

test("a stage goes to an engine that failed it only once that is forgiven", () => {
  const lostAt = find(exclusive, "stage-lost");
  const { stage: key } = recordAt(exclusive, lostAt) as EventOf<"stage-lost">;
  const placedAt = exclusive.events.findIndex(
    (event, index) => index > lostAt && event.kind === "stage-place" && event.stage === key,
  );
  const { shares } = recordAt(exclusive, placedAt) as EventOf<"stage-place">;
  const avoiding = change(
    exclusive,
    "stage-lost",
    () => ({ reason: "engine-failed", avoid: shares[0]?.engine ?? "" }),
    ({ stage: other }) => other === key,
  );
  expect(broken(onWall(avoiding))).toContain("placement");
  const forgiven = insert(avoiding, placedAt - 1, { kind: "stage-forgive", stage: key });
  expect(broken(onWall(forgiven))).not.toContain("placement");
});
