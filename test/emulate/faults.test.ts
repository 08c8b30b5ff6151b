import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { faultKinds, parseFault, toFault } from "../../src/emulate/parse-fault.ts";
import type { EmulatedEngine } from "../../src/emulate/start-engine.ts";
import {
  ask,
  chatOf,
  createHandClock,
  engineOf,
  eventsIn,
  send,
  small,
  stepUntil,
  until,
  type HandClock,
} from "./support.ts";

const chat = "/v1/chat/completions";
const streamed = chatOf("x", { stream: true, max_tokens: 200, ignore_eos: true });

describe("at infinite speed, on demand", () => {
  let clock: HandClock;
  let engine: EmulatedEngine;
  beforeEach(async () => {
    clock = createHandClock();
    engine = await engineOf({ clock, speed: Infinity });
  });
  afterEach(() => engine.close());

  test("meets the next calls, then no more", async () => {
    engine.faults.add({ kind: "busy", count: 2 });
    const statuses = [];
    for (let call = 0; call < 3; call++) statuses.push((await send(engine.url, chat, chatOf("x"))).status);
    expect(statuses).toEqual([503, 503, 200]);
    expect(engine.faults.counts()).toEqual({ busy: 2 });
    expect(engine.faults.standing()).toEqual([]);
  });

  test("stands until it is cleared, and looks are not calls", async () => {
    await ask(engine.url, "/fate/faults", { kind: "error" });
    expect((await send(engine.url, chat, chatOf("x"))).status).toBe(500);
    expect((await send(engine.url, "/health")).status).toBe(200);
    await ask(engine.url, "/fate/faults", { clear: true, faults: [{ kind: "busy", on: "looks" }] });
    expect((await send(engine.url, chat, chatOf("x"))).status).toBe(200);
    expect((await send(engine.url, "/health")).status).toBe(503);
    expect(await ask(engine.url, "/fate/faults")).toEqual({
      standing: [{ kind: "busy", on: "looks" }],
      counts: { error: 1, busy: 1 },
    });
    expect((await send(engine.url, "/fate/faults", { kind: "explode" })).status).toBe(400);
  });

  test("refuses the connection", async () => {
    engine.faults.add({ kind: "refuse", count: 1 });
    await expect(send(engine.url, chat, chatOf("x"))).rejects.toThrow();
    expect((await send(engine.url, chat, chatOf("x"))).status).toBe(200);
  });

  test("answers what is no JSON", async () => {
    engine.faults.add({ kind: "garbage", count: 1 });
    const { status, text } = await send(engine.url, chat, chatOf("x"));
    expect(status).toBe(200);
    expect(() => JSON.parse(text)).toThrow(SyntaxError);
  });

  test("cuts a stream after so many pieces, and a whole answer in its middle", async () => {
    engine.faults.add({ kind: "cut", after: 3, count: 1 });
    const response = await fetch(`${engine.url}${chat}`, { method: "POST", body: JSON.stringify(streamed) });
    const { text, broken } = await readUntilBroken(response);
    const pieces = eventsIn(text).filter((event) => event.choices?.[0]?.delta.content);
    expect([pieces.length, broken]).toEqual([3, true]);
    expect(text).not.toContain("[DONE]");
    engine.faults.add({ kind: "cut", count: 1 });
    const whole = await fetch(`${engine.url}${chat}`, { method: "POST", body: JSON.stringify(chatOf("x")) });
    expect((await readUntilBroken(whole)).broken).toBe(true);
  });

  test("a short stream is cut before its end", async () => {
    engine.faults.add({ kind: "cut", after: 100, count: 1 });
    const response = await fetch(`${engine.url}${chat}`, { method: "POST", body: JSON.stringify(streamed) });
    const { text, broken } = await readUntilBroken(response);
    expect([text.includes('finish_reason":"length'), broken]).toEqual([false, true]);
  });

  test("stalls before the headers, for a time", async () => {
    engine.faults.add({ kind: "stall-headers", forMs: 700, count: 1 });
    const answer = send(engine.url, chat, chatOf("x"));
    await until(() => clock.timers() === 1);
    clock.step();
    expect((await answer).status).toBe(200);
    expect(clock.nowUs()).toBe(700_000);
  });

  test("stalls before the headers for ever, until the client leaves", async () => {
    engine.faults.add({ kind: "stall-headers" });
    const gone = new AbortController();
    const init = { method: "POST", body: JSON.stringify(chatOf("x")), signal: gone.signal };
    const answer = fetch(`${engine.url}${chat}`, init);
    await until(() => engine.faults.counts()["stall-headers"] === 1);
    gone.abort();
    await expect(answer).rejects.toThrow();
    expect(engine.stats().calls).toBe(0);
  });

  test("stalls in the middle, and goes on", async () => {
    engine.faults.add({ kind: "stall", after: 2, forMs: 900, count: 1 });
    const response = await fetch(`${engine.url}${chat}`, { method: "POST", body: JSON.stringify(streamed) });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = (await reader.read()).value ?? "";
    expect(eventsIn(text).filter((event) => event.choices[0].delta.content).length).toBe(2);
    clock.step();
    for (let next = await reader.read(); !next.done; next = await reader.read()) text += next.value;
    expect(text).toContain("[DONE]");
    expect(clock.nowUs()).toBe(900_000);
    const plain = await send(engine.url, chat, streamed);
    const contentOf = (events: readonly any[]): string =>
      events.map((event) => event.choices?.[0]?.delta.content ?? "").join("");
    expect(contentOf(eventsIn(text))).toBe(contentOf(eventsIn(plain.text)));
  });

  test("dies with everything it had, and comes back on the same port", async () => {
    await send(engine.url, chat, chatOf("x".repeat(400)));
    engine.faults.add({ kind: "die", after: 1, forMs: 5000, count: 1 });
    const response = await fetch(`${engine.url}${chat}`, { method: "POST", body: JSON.stringify(streamed) });
    expect((await readUntilBroken(response)).broken).toBe(true);
    await expect(send(engine.url, "/health")).rejects.toThrow(/ECONNREFUSED/);
    clock.step();
    await until(() => clock.timers() === 0);
    const again = await retry(() => ask(engine.url, chat, chatOf("x".repeat(400))));
    expect(again.usage.prompt_tokens_details.cached_tokens).toBe(0);
    expect(engine.faults.counts()).toEqual({ die: 1 });
  });

  test("dies at once, for good", async () => {
    await engine.faults.die();
    await expect(send(engine.url, "/health")).rejects.toThrow(/ECONNREFUSED/);
    expect(clock.timers()).toBe(0);
  });

  test.each([
    ["zeros", /num_requests_waiting\{.*\} 0\n/],
    ["huge", /num_requests_running\{.*\} 9e\+300\n/],
    ["garbage", /banana/],
    ["html", /^<!doctype html>/],
  ] as const)("lies in its metrics: %s", async (lie, shows) => {
    engine.faults.add({ kind: "metrics", lie, count: 1 });
    const [lied, honest] = [await send(engine.url, "/metrics"), await send(engine.url, "/metrics")];
    expect(lied.text).toMatch(shows);
    expect(lied.text).not.toBe(honest.text);
  });
});

test("when it dies, whoever waits is cut off without a word", async () => {
  const clock = createHandClock();
  await using engine = await engineOf({ clock });
  const waiting = send(engine.url, chat, chatOf("x"));
  const cut = expect(waiting).rejects.toThrow();
  await until(() => engine.stats().running === 1);
  await engine.faults.die();
  await cut;
  expect([engine.stats().running, clock.timers()]).toEqual([0, 0]);
});

test("slow by a factor: everything takes as many times longer", async () => {
  const clock = createHandClock();
  await using engine = await engineOf({ clock });
  const body = { model: small.id, prompt: "Why?", stream: false, options: { num_predict: 20 } };
  const durationOf = async (salt: string): Promise<number> => {
    const { text } = await stepUntil(clock, send(engine.url, "/api/generate", { ...body, cache_salt: salt }));
    return JSON.parse(text).prompt_eval_duration;
  };
  const plainNs = await durationOf("a");
  engine.faults.add({ kind: "slow", factor: 3 });
  expect(Math.abs((await durationOf("b")) - 3 * plainNs)).toBeLessThanOrEqual(2000);
});

test("by chance, the seed decides whom it meets", async () => {
  const metBy = async (seed: number): Promise<string> => {
    await using engine = await engineOf({ seed, faults: [{ kind: "busy", chance: 0.5 }] });
    let met = "";
    for (let call = 0; call < 24; call++) met += (await send(engine.url, chat, chatOf("x"))).status === 503 ? "x" : ".";
    return met;
  };
  const [first, again, another] = await Promise.all([metBy(1), metBy(1), metBy(2)]);
  expect(first).toBe(again);
  expect(first).not.toBe(another);
  expect(first).toMatch(/x.*\.|\..*x/);
});

describe("as text", () => {
  test("is read", () => {
    expect(parseFault("cut:after=3,chance=0.1")).toEqual({ kind: "cut", after: 3, chance: 0.1 });
    expect(parseFault("busy")).toEqual({ kind: "busy" });
    expect(parseFault(" metrics : lie=huge , on=all")).toEqual({ kind: "metrics", lie: "huge", on: "all" });
  });

  test("what is wrong is said", () => {
    expect(() => parseFault("explode")).toThrow(/found kind "explode", expected one of refuse/);
    expect(() => parseFault("cut:afterwards=3")).toThrow('fault cut: found "afterwards"');
    expect(() => parseFault("cut:after")).toThrow("expected NAME=VALUE");
    expect(() => parseFault("busy:chance=2")).toThrow("expected a number from 0 to 1");
    expect(() => parseFault("slow")).toThrow("needs factor");
  });

  test("gives a fault or a RangeError, whatever comes", () => {
    const texts = fc.oneof(
      fc.string(),
      fc.tuple(fc.constantFrom(...faultKinds), fc.string()).map(([kind, rest]) => `${kind}:${rest}`),
    );
    fc.assert(
      fc.property(texts, fc.jsonValue(), (text, value) => {
        for (const read of [() => parseFault(text), () => toFault(value)]) {
          try {
            expect(faultKinds).toContain(read().kind);
          } catch (error) {
            expect(error).toBeInstanceOf(RangeError);
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});

async function readUntilBroken(response: Response): Promise<{ readonly text: string; readonly broken: boolean }> {
  let text = "";
  try {
    for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) text += piece;
    return { text, broken: false };
  } catch {
    return { text, broken: true };
  }
}

/** The listener is back a moment after its timer. */
async function retry<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (tries === 100) throw error;
    }
  }
}
