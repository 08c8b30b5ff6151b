import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeUs } from "../../../src/cost/decode.ts";
import { prefillUs } from "../../../src/cost/prefill.ts";
import { toSettings } from "../../../src/emulate/options.ts";
import { parseKeepAlive } from "../../../src/emulate/surface/keep-alive.ts";
import { plainCalibration } from "../../support/plain-calibration.ts";
import { ask, createHandClock, engineOf, other, send, small, stepUntil, until } from "../support.ts";

const models = [small, other];
const linesOf = (text: string): any[] =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
const namesOf = async (url: string): Promise<string[]> =>
  (await ask(url, "/api/ps")).models.map(({ name }: { name: string }) => name);

test("timings are the cost model's, to the microsecond", async () => {
  const clock = createHandClock();
  await using engine = await engineOf({ clock, models, surface: "ollama" });
  const { costs } = toSettings({ models, gpu: "l4-24g", calibration: plainCalibration });
  const { rates, loadUs } = costs.models.get(other.id)!;
  const options = { num_predict: 50 };
  const emulate = { output_tokens: 50 };
  const messages = [{ role: "user", content: "y".repeat(2000) }];
  const answer = send(engine.url, "/api/chat", { model: other.id, messages, options, emulate, stream: false });
  const { text } = await stepUntil(clock, answer);
  expect(JSON.parse(text)).toMatchObject({
    done: true,
    done_reason: "length",
    load_duration: loadUs * 1000,
    prompt_eval_count: 500,
    prompt_eval_duration: prefillUs(rates, 500, 0, 1) * 1000,
    eval_count: 50,
    eval_duration: decodeUs(rates, 1, 500, 49) * 1000,
  });
  expect(clock.nowUs()).toBeGreaterThanOrEqual(loadUs + prefillUs(rates, 500, 0, 1) + decodeUs(rates, 1, 500, 49));
});

test("streams line by line, and says the same as a whole answer", async () => {
  await using engine = await engineOf({ surface: "ollama" });
  const body = { model: small.id, prompt: "Why?", options: { num_predict: 40 } };
  const lines = linesOf((await send(engine.url, "/api/generate", body)).text);
  const whole = await ask(engine.url, "/api/generate", { ...body, stream: false });
  expect(lines.map(({ response }) => response).join("")).toBe(whole.response);
  expect(lines.map(({ done }) => done)).toEqual([...lines.slice(1).map(() => false), true]);
  const embedded = await ask(engine.url, "/api/embed", { model: small.id, input: ["a", "b"] });
  expect(embedded.embeddings.length).toBe(2);
});

test("a prompt-less call loads, a keep_alive of 0 unloads, and others make room", async () => {
  await using engine = await engineOf({ models, surface: "ollama" });
  expect(await namesOf(engine.url)).toEqual([small.id]);
  expect((await ask(engine.url, "/api/generate", { model: `${other.id}:latest` })).done_reason).toBe("load");
  expect(await namesOf(engine.url)).toEqual([other.id]);
  expect((await ask(engine.url, "/api/generate", { model: other.id, keep_alive: 0 })).done_reason).toBe("unload");
  expect(await namesOf(engine.url)).toEqual([]);
  expect((await ask(engine.url, "/api/tags")).models.length).toBe(2);
  expect((await ask(engine.url, "/api/show", { model: small.id })).details.format).toBe("gguf");
  expect((await send(engine.url, "/api/generate", { model: "unknown" })).status).toBe(404);
  expect((await send(engine.url, "/api/generate", { model: small.id, keep_alive: "soon" })).status).toBe(400);
});

test("a model that nobody uses goes when its time is over, and each use gives it more", async () => {
  const clock = createHandClock();
  await using engine = await engineOf({ clock, surface: "ollama" });
  const body = { model: small.id, prompt: "Why?", keep_alive: "30s", stream: false };
  const answer = send(engine.url, "/api/generate", body);
  await until(() => engine.stats().running === 1);
  // Stepped no further than the answer needs, or the model would be gone already.
  while (engine.stats().running === 1) clock.step();
  await answer;
  await until(() => clock.timers() === 1);
  const usedUs = clock.nowUs();
  expect((await ask(engine.url, "/api/ps")).models[0].expires_at).not.toMatch(/^2318/);
  clock.step();
  expect(clock.nowUs() - usedUs).toBe(30e6);
  expect(await namesOf(engine.url)).toEqual([]);
});

test("durations are read as Ollama writes them", () => {
  expect(["5m", "1h30m", "250ms", "90", 7, -1, "-1m", 0].map(parseKeepAlive)).toEqual([
    300e6,
    5400e6,
    250e3,
    90e6,
    7e6,
    Infinity,
    Infinity,
    0,
  ]);
  expect([parseKeepAlive(undefined), parseKeepAlive(null)]).toEqual([undefined, undefined]);
  fc.assert(
    fc.property(fc.anything(), (value) => {
      const read = parseKeepAlive(value);
      expect(read === undefined || read === "unreadable" || read >= 0).toBe(true);
    }),
    { numRuns: 200 },
  );
});
