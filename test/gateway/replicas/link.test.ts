/** Lines with numbers: what is repeated, missing, nonsense, too long or not said at all. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Time } from "../../../src/gateway/live/time.ts";
import { maxLineLength, type Channel, type Ears } from "../../../src/gateway/replicas/channel.ts";
import { createLink } from "../../../src/gateway/replicas/link.ts";
import {
  parseFromPlanner,
  parseToPlanner,
  type FromPlanner,
  type ToPlanner,
} from "../../../src/gateway/replicas/protocol.ts";
import { InputError } from "../../../src/trace/input-error.ts";

/** One end of a link whose other end is the test. */
function createEnd() {
  const said: string[] = [];
  const heard: ToPlanner[] = [];
  const ended: string[] = [];
  const state = { closed: false, backlog: 0 };
  let ears: Ears | undefined;
  let beat = (): void => {};
  const channel: Channel = {
    send: (line) => void said.push(line),
    listen: (given) => {
      ears = given;
    },
    close: () => {
      state.closed = true;
    },
    backlog: () => state.backlog,
  };
  const never = (): never => {
    throw new Error("a link needs no more of time than to beat");
  };
  const time: Time = {
    nowUs: never,
    epochMs: never,
    after: never,
    soon: never,
    every: (_ms, what) => {
      beat = what;
      return { stop: () => {} };
    },
  };
  const link = createLink<ToPlanner, FromPlanner>({
    time,
    channel,
    beatMs: 100,
    parse: parseToPlanner,
    onMessage: (message) => heard.push(message),
    onEnd: (reason) => ended.push(reason),
  });
  return {
    link,
    said,
    heard,
    ended,
    state,
    hear: (line: string) => ears?.onLine(line),
    drop: () => ears?.onClose(),
    tick: () => beat(),
  };
}

const end = (workflow: string): string => JSON.stringify({ kind: "end", workflow });

describe("a link", () => {
  test("numbers what it says", () => {
    const { link, said } = createEnd();
    link.send({ kind: "void", stage: "w/s", attempt: 0 });
    link.send({ kind: "void", stage: "w/t", attempt: 1 });
    expect(said).toEqual([
      '[1,{"kind":"void","stage":"w/s","attempt":0}]',
      '[2,{"kind":"void","stage":"w/t","attempt":1}]',
    ]);
  });

  test("hears what is repeated once", () => {
    const { hear, heard, ended } = createEnd();
    for (const line of [`[1,${end("a")}]`, `[1,${end("a")}]`, `[2,${end("b")}]`, `[1,${end("a")}]`]) hear(line);
    expect(heard).toEqual([
      { kind: "end", workflow: "a" },
      { kind: "end", workflow: "b" },
    ]);
    expect(ended).toEqual([]);
  });

  test.each([
    ["a line is missing", `[2,${end("a")}]`, "line 2 came after line 0"],
    ["it is no JSON", "[1,", /JSON/],
    ["it has no number", `{"kind":"end","workflow":"a"}`, "a line that is not a number and a message"],
    ["the number is none", `["1",${end("a")}]`, "a line without its number"],
    ["it is no message", `[1,{"kind":"hurry"}]`, /found "hurry"/],
    ["it lacks what it needs", `[1,{"kind":"end"}]`, /workflow: found nothing/],
    ["it has too much", `[1,{"kind":"end","workflow":"a","now":true}]`, /an unknown key/],
    ["it is too long", `[1,"${"a".repeat(maxLineLength)}"]`, /a line of \d+ characters/],
  ])("ends when %s", (_what, line, reason) => {
    const { hear, heard, ended, state } = createEnd();
    hear(line);
    expect(ended).toEqual([expect.stringMatching(reason)]);
    expect(state.closed).toBe(true);
    hear(`[1,${end("a")}]`);
    expect(heard).toEqual([]);
  });

  test("beats when it has nothing to say", () => {
    const { link, said, hear, tick } = createEnd();
    tick();
    link.send({ kind: "void", stage: "w/s", attempt: 0 });
    hear(`[1,{"kind":"beat"}]`);
    tick();
    expect(said).toHaveLength(1);
    tick();
    expect(said.at(-1)).toBe('[2,{"kind":"beat"}]');
  });

  test("gives up a side that is silent for more than four beats", () => {
    const { hear, ended, tick } = createEnd();
    for (let beat = 0; beat < 4; beat++) tick();
    hear(`[1,{"kind":"beat"}]`);
    for (let beat = 0; beat < 4; beat++) tick();
    expect(ended).toEqual([]);
    tick();
    expect(ended).toEqual(["nothing was heard for 4 beats"]);
  });

  test("gives up a side that takes nothing", () => {
    const { hear, ended, state, tick } = createEnd();
    const beat = (number: number, backlog: number): void => {
      hear(`[${number},{"kind":"beat"}]`);
      state.backlog = backlog;
      tick();
    };
    // As long as it becomes less, it may be much.
    for (const [index, lines] of [9, 8, 7, 6].entries()) beat(index + 1, lines * maxLineLength);
    expect(ended).toEqual([]);
    beat(5, 6 * maxLineLength);
    expect(ended).toEqual([expect.stringMatching(/characters wait to go out/)]);
  });

  test("tells of its end once, and not if it was ended from here", () => {
    const first = createEnd();
    first.drop();
    first.drop();
    expect(first.ended).toEqual(["the other side is gone"]);
    const second = createEnd();
    second.link.end();
    second.drop();
    second.link.send({ kind: "beat" });
    expect([second.ended, second.said, second.state.closed]).toEqual([[], [], true]);
  });
});

describe("the protocol", () => {
  test.each([parseToPlanner, parseFromPlanner])("refuses whatever else is said, with a place", (parse) => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(() => parse(value)).toThrow(InputError);
      }),
      { numRuns: 100 },
    );
  });

  test("refuses any one field that is changed to something else", () => {
    const start: FromPlanner = {
      kind: "start",
      stage: "w/s",
      attempt: 0,
      share: 0,
      phase: "prefill",
      epoch: 3,
      engine: "e",
      items: 1,
      cachedTokens: 0,
      promptTokens: 10,
      reason: "",
      planAgeUs: 1,
      waitedUs: 2,
      shares: [{ engine: "e", items: 1 }],
      decodeEngine: "f",
    };
    expect(parseFromPlanner(JSON.parse(JSON.stringify(start)))).toEqual(start);
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(start)), fc.constantFrom(null, true, {}, -1, [[]]), (field, value) => {
        expect(() => parseFromPlanner({ ...start, [field]: value })).toThrow(InputError);
      }),
      { numRuns: 100 },
    );
  });
});
