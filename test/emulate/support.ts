/** A clock that stands still until it is stepped, engines on it, and calls to them. */

import { setImmediate } from "node:timers/promises";
import { Agent, request } from "undici";
import { knownModels } from "../../src/catalogue/models.ts";
import type { Clock } from "../../src/emulate/clock.ts";
import type { EngineOptions } from "../../src/emulate/options.ts";
import { startEngine, type EmulatedEngine } from "../../src/emulate/start-engine.ts";
import type { Model } from "../../src/model/model.ts";
import { plainCalibration } from "../support/plain-calibration.ts";

export type HandClock = Clock & {
  /** Steps to the next timer and lets it fire; false if there is none. */
  readonly step: () => boolean;
  readonly timers: () => number;
};

export function createHandClock(): HandClock {
  let nowUs = 0;
  let timers: { readonly atUs: number; readonly run: () => void }[] = [];
  return {
    nowUs: () => nowUs,
    after: (delayUs, run) => {
      const timer = { atUs: nowUs + delayUs, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((each) => each !== timer);
      };
    },
    step: () => {
      const next = timers.toSorted((left, right) => left.atUs - right.atUs)[0];
      if (next === undefined) return false;
      timers = timers.filter((each) => each !== next);
      nowUs = Math.max(nowUs, next.atUs);
      next.run();
      return true;
    },
    timers: () => timers.length,
  };
}

function model(id: string): Model {
  const found = knownModels.find((each) => each.id === id);
  if (found === undefined) throw new Error(`no model ${id}`);
  return found;
}

export const small = model("llama-3.2-1b");
export const other = model("qwen3-1.7b");

/** Waits for nothing unless a clock is given; then as fast as the GPU. */
export function engineOf(options: Partial<EngineOptions> = {}): Promise<EmulatedEngine> {
  const speed = options.clock === undefined ? Infinity : 1;
  return startEngine({ models: [small], gpu: "l4-24g", speed, calibration: plainCalibration, ...options });
}

export type Reply = {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
};

/** One request on a connection of its own. Rejects if the connection breaks. */
export async function send(
  url: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const agent = new Agent({ pipelining: 0 });
  try {
    const answer = await request(`${url}${path}`, {
      dispatcher: agent,
      method: body === undefined ? "GET" : "POST",
      headers: { "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    return { status: answer.statusCode, text: await answer.body.text(), headers: answer.headers };
  } finally {
    await agent.destroy();
  }
}

/** The answer as JSON, whatever its shape. */
// oxlint-disable-next-line typescript/no-explicit-any
export async function ask(url: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<any> {
  const { text } = await send(url, path, body, headers);
  return JSON.parse(text);
}

export function chatOf(content: string, more: object = {}): object {
  return { model: small.id, messages: [{ role: "user", content }], ...more };
}

/** The data of each event of a stream; `[DONE]` stays text. */
// oxlint-disable-next-line typescript/no-explicit-any
export function eventsIn(text: string): any[] {
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => (data === "[DONE]" ? data : JSON.parse(data ?? "")));
}

/** Lets sockets do their work until something holds. Bounded, so that a fault is a failure and not a hang. */
export async function until(holds: () => boolean): Promise<void> {
  for (let turns = 0; turns < 1_000_000; turns++) {
    if (holds()) return;
    await setImmediate();
  }
  throw new Error("it never came to hold");
}

/** Steps the clock whenever there is a timer, until the promise is settled. */
export async function stepUntil<T>(clock: HandClock, promise: Promise<T>): Promise<T> {
  let settled = false;
  const end = (): void => {
    settled = true;
  };
  promise.then(end, end);
  await until(() => {
    if (!settled) clock.step();
    return settled;
  });
  return promise;
}
