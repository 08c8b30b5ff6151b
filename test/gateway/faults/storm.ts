/** Many calls at once by seed, each with a mark of its own, and what must hold of them whatever goes wrong. */

import { strict as assert } from "node:assert";
import { setTimeout } from "node:timers/promises";
import { Agent, request } from "undici";
import { createRng, type Rng } from "../../../src/random/rng.ts";
import type { JournalEvent } from "../../../src/model/event.ts";
import type { EmulatedEngine } from "../../../src/emulate/start-engine.ts";
import { chat, chatPath } from "../http/client.ts";
import type { Bench } from "../http/gateway.ts";

export const trials = 100;

/** What a client saw: a whole answer, one that broke off, or nothing because it went away. */
export type Seen =
  | { readonly kind: "answer"; readonly status: number; readonly text: string; readonly retryAfter: boolean }
  | { readonly kind: "broken" | "left" };

export type Trial = {
  readonly mark: string;
  readonly stream: boolean;
  /** Goes away after so many milliseconds. */
  readonly leavesAfterMs?: number;
};

/** Half of them streamed. */
export function trialsOf(name: string, leaves: (rng: Rng) => number | undefined = () => undefined): readonly Trial[] {
  const rng = createRng(1, name);
  return Array.from({ length: trials }, (_, index) => {
    const stream = rng.next() < 0.5;
    const leavesAfterMs = leaves(rng);
    return { mark: `${name}-${index}`, stream, ...(leavesAfterMs === undefined ? {} : { leavesAfterMs }) };
  });
}

/** All at once, over connections that are used again. `seen` fills as they come to their ends. */
export async function storm(
  url: string,
  all: readonly Trial[],
  atOnce = 25,
  seen = new Map<Trial, Seen>(),
): Promise<ReadonlyMap<Trial, Seen>> {
  const agent = new Agent({ connections: atOnce, headersTimeout: 20_000, bodyTimeout: 20_000 });
  const left = [...all];
  const work = async (): Promise<void> => {
    for (let trial = left.shift(); trial !== undefined; trial = left.shift())
      seen.set(trial, await make(url, trial, agent));
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  await agent.destroy();
  return seen;
}

async function make(url: string, { mark, stream, leavesAfterMs }: Trial, dispatcher: Agent): Promise<Seen> {
  const leaving = leavesAfterMs === undefined ? undefined : AbortSignal.timeout(leavesAfterMs);
  try {
    const answer = await request(`${url}${chatPath}`, {
      dispatcher,
      method: "POST",
      headers: { "content-type": "application/json", authorization: "Bearer a-key-of-twenty-characters" },
      // The engine's text follows from the prompt, so that an answer tells whose it is.
      body: JSON.stringify(chat(`Tell me of ${mark}. `.repeat(4), { stream, max_tokens: 8, ignore_eos: true })),
      ...(leaving === undefined ? {} : { signal: leaving }),
    });
    const text = await answer.body.text();
    return { kind: "answer", status: answer.statusCode, text, retryAfter: answer.headers["retry-after"] !== undefined };
  } catch (error) {
    assert.ok(error instanceof Error);
    const code = "code" in error ? error.code : "";
    assert.ok(code !== "UND_ERR_HEADERS_TIMEOUT" && code !== "UND_ERR_BODY_TIMEOUT", `${mark} hangs`);
    return { kind: leaving?.aborted === true ? "left" : "broken" };
  }
}

/** What the engine writes for each mark, once and whole. */
export async function textsOf(engine: EmulatedEngine, all: readonly Trial[]): Promise<ReadonlyMap<string, string>> {
  const plain = await storm(
    engine.url,
    all.map(({ mark }) => ({ mark, stream: false })),
  );
  return new Map(
    [...plain].map(([{ mark }, seen]) => [mark, seen.kind === "answer" ? contentOf(seen.text, false) : ""]),
  );
}

/** The text of an answer; of a stream all its pieces, in order. */
export function contentOf(text: string, stream: boolean): string {
  if (!stream) return JSON.parse(text).choices[0].message.content;
  assert.equal(text.split("data: [DONE]\n\n").length, 2, "a stream ends once");
  assert.ok(text.endsWith("data: [DONE]\n\n"));
  const pieces = [...text.matchAll(/^data: (\{.*)$/gm)].map(([, data]) => JSON.parse(data ?? ""));
  assert.equal(new Set(pieces.map(({ id }) => id)).size, 1, "a stream is one answer");
  return pieces.map(({ choices }) => choices[0]?.delta?.content ?? "").join("");
}

export type Tally = {
  readonly answered: number;
  readonly refused: number;
  readonly broken: number;
  readonly left: number;
};

/** Every whole answer is the right one, and every other has a status that is among those expected. */
export function tally(
  seen: ReadonlyMap<Trial, Seen>,
  texts: ReadonlyMap<string, string>,
  statuses: readonly number[] = [502, 503],
): Tally {
  const count = { answered: 0, refused: 0, broken: 0, left: 0 };
  for (const [{ mark, stream }, one] of seen) {
    if (one.kind !== "answer") {
      count[one.kind] += 1;
    } else if (one.status === 200) {
      assert.equal(contentOf(one.text, stream), texts.get(mark), mark);
      count.answered += 1;
    } else {
      assert.ok(statuses.includes(one.status), `${mark}: ${one.status} ${one.text}`);
      assert.ok(one.retryAfter, `${mark}: no retry-after`);
      assert.ok(JSON.parse(one.text).error.message.length > 0);
      count.refused += 1;
    }
  }
  assert.equal(count.answered + count.refused + count.broken + count.left, trials);
  return count;
}

/** Nothing is left open anywhere, and the journal, which is returned, obeys all laws. */
export async function closeDown(bench: Bench, engines: readonly EmulatedEngine[]): Promise<readonly JournalEvent[]> {
  await bench.idle();
  for (const one of engines) await until(() => one.stats().running + one.stats().waiting === 0);
  const events = await bench.end();
  const count = (kind: string): number => events.filter((event) => event.kind === kind).length;
  assert.equal(count("stage-end") + count("stage-drop"), count("stage-reveal"));
  assert.ok(count("stage-reveal") > 0);
  return events;
}

/** Bounded, so that what never comes is a failure and not a hang. */
export async function until(holds: () => boolean): Promise<void> {
  for (let turns = 0; turns < 2000; turns++) {
    if (holds()) return;
    await setTimeout(1);
  }
  assert.fail("it never came to hold");
}
