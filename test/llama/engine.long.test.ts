import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { findLibrary, missingLibrary } from "../../src/llama/load-library.ts";
import { startReal, toMessages, type RealEngine } from "./real-engine.ts";

const installed = findLibrary() !== undefined;
if (!installed) test.skip(missingLibrary, () => {});

describe.runIf(installed)("a real engine", () => {
  let real: RealEngine;
  beforeAll(async () => {
    real = await startReal();
  });
  afterAll(() => real[Symbol.asyncDispose]());
  beforeEach(async () => {
    for (const model of (await real.residency()).resident) await real.post("/fate/unload", { model });
  });

  const takenIn = (): number => real.engine.residency.held()[0]?.slots.takenInTokens() ?? 0;
  const filler = "the planner reads the report and asks for more. ".repeat(6);

  test("the file's figures are the library's", async () => {
    await real.post("/fate/load", { model: "a" });
    const { toFigures } = await import("../../src/llama/shape.ts");
    const { tinyShape } = await import("./real-engine.ts");
    expect(real.engine.residency.held()[0]?.weightBytes).toBe(toFigures("a", tinyShape).weightBytes);
  });

  test("says the same to the same, and something else to something else, and with another model", async () => {
    const answer = async (model: string, said: string): Promise<string> =>
      (await real.chat(model, [said])).choices[0].message.content;
    const first = await answer("a", "hello");
    expect(await answer("b", "hello")).not.toBe(first);
    expect(await answer("a", "hello")).toBe(first);
    expect(await answer("a", "what else?")).not.toBe(first);
    expect(first).toMatch(/^( ?([a-z]{2})+)+$/);
  });

  test("stops at the limit and counts what it did", async () => {
    const { choices, usage } = await real.chat("a", ["hello"], { max_tokens: 13 });
    expect(choices[0].finish_reason).toBe("length");
    expect(usage.completion_tokens).toBe(13);
    expect(usage.total_tokens).toBe(usage.prompt_tokens + 13);
    expect(await real.metric("generation_tokens_total", "a")).toBeGreaterThanOrEqual(13);
  });

  test("any text becomes tokens: a byte is the least", async () => {
    const plain = await real.chat("a", [""]);
    const odd = await real.chat("a", ["\u2603\u0000\ud83d\ude00"]);
    expect(odd.usage.prompt_tokens - plain.usage.prompt_tokens).toBe(3 + 1 + 4);
  });

  test("a conversation that goes on keeps its KV, that of the answer too", async () => {
    const first = await real.chat("a", [filler]);
    const before = takenIn();
    const next = await real.chat("a", [filler, first.choices[0].message.content, "go on"]);
    const cached = next.usage.prompt_tokens_details.cached_tokens;
    // All that was there: the prompt and the answer but for its last token, which no step has read yet.
    expect(cached).toBe(first.usage.prompt_tokens + first.usage.completion_tokens - 1);
    // The library counts the last token of a prompt with the answer.
    expect(takenIn() - before).toBe(next.usage.prompt_tokens - cached - 1);
    expect(first.usage.prompt_tokens_details.cached_tokens).toBe(0);
  });

  test("KV that was kept gives the answer that KV made anew gives", async () => {
    const said = [filler, "ba be bi", "go on"];
    const alone = await real.chat("a", said);
    await real.post("/fate/unload", { model: "a" });
    await real.chat("a", said.slice(0, 1));
    const after = await real.chat("a", said);
    expect(after.usage.prompt_tokens_details.cached_tokens).toBeGreaterThan(0);
    expect(after.choices[0].message.content).toBe(alone.choices[0].message.content);
  });

  test("another conversation shares the beginning and leaves the first one's KV alone", async () => {
    const one = [`${filler}${"one ".repeat(200)}`];
    const other = [`${filler}${"two ".repeat(200)}`];
    const first = await real.chat("a", one);
    const second = await real.chat("a", other);
    const shared = second.usage.prompt_tokens_details.cached_tokens;
    expect(shared).toBeGreaterThan(0);
    expect(shared).toBeLessThan(second.usage.prompt_tokens / 2);
    const again = await real.chat("a", one);
    expect(again.usage.prompt_tokens_details.cached_tokens).toBe(first.usage.prompt_tokens - 1);
    expect(again.choices[0].message.content).toBe(first.choices[0].message.content);
  });

  test("loads and unloads for real: KV goes with the model", async () => {
    expect(await real.residency()).toEqual({ resident: [], loading: [] });
    expect((await real.post("/fate/load", { model: "b" })).status).toBe(200);
    expect(await real.residency()).toEqual({ resident: ["b"], loading: [] });
    await real.chat("b", [filler]);
    // A call loads what it needs; with one place the other goes.
    await real.chat("c", ["hello"]);
    expect(await real.residency()).toEqual({ resident: ["c"], loading: [] });
    expect((await real.chat("b", [filler])).usage.prompt_tokens_details.cached_tokens).toBe(0);
    const [held] = real.engine.residency.held();
    expect((await real.post("/fate/unload", { model: "b" })).status).toBe(200);
    expect(await real.residency()).toEqual({ resident: [], loading: [] });
    expect(() => held?.model.tokenize("gone", false)).toThrow();
  });

  test("a client that leaves frees its place, in the middle of an answer and in the queue", async () => {
    await real.post("/fate/load", { model: "a" });
    const gone = new AbortController();
    const call = { model: "a", messages: toMessages([filler]), max_tokens: 1500, stream: true };
    const streaming = await real.post("/v1/chat/completions", call, gone.signal);
    const reader = streaming.body?.getReader();
    await reader?.read();
    expect(await real.metric("num_requests_running")).toBe(1);
    const queued = real.post("/v1/chat/completions", call, gone.signal);
    gone.abort();
    await expect(queued).rejects.toThrow();
    // Ends although the answer before it would have gone on for a second and more: one place, and it is free.
    const next = await real.chat("a", [filler]);
    expect(next.usage.completion_tokens).toBe(8);
    expect(await real.metric("num_requests_waiting")).toBe(0);
    expect(await real.metric("generation_tokens_total", "a")).toBeLessThan(1500);
  });

  test("streams what it says whole, then how much that was", async () => {
    const whole = await real.chat("a", [filler]);
    const call = { model: "a", messages: toMessages([filler]), max_tokens: 8, stream: true };
    const response = await real.post("/v1/chat/completions", { ...call, stream_options: { include_usage: true } });
    const events = (await response.text()).split("\n\n").filter((line) => line !== "");
    expect(events.at(-1)).toBe("data: [DONE]");
    const chunks = events.slice(0, -1).map((event) => JSON.parse(event.slice("data: ".length)));
    const said = chunks.flatMap(({ choices }) => choices[0]?.delta.content ?? []);
    expect(said.join("")).toBe(whole.choices[0].message.content);
    expect(said).toHaveLength(8);
    expect(chunks.at(-1).usage.prompt_tokens).toBe(whole.usage.prompt_tokens);
  });

  test("a stop text ends the answer before it", async () => {
    const whole = (await real.chat("a", [filler], { max_tokens: 40 })).choices[0].message.content;
    const stop = whole.slice(9, 12);
    const { choices } = await real.chat("a", [filler], { max_tokens: 40, stop });
    expect(choices[0].message.content).toBe(whole.slice(0, whole.indexOf(stop)));
    expect(choices[0].finish_reason).toBe("stop");
  });

  test("plain completions, the list of models and health", async () => {
    const response = await real.post("/v1/completions", { model: "a", prompt: "once upon", max_tokens: 4 });
    const { object, choices } = (await response.json()) as { object: string; choices: { text: string }[] };
    expect([object, typeof choices[0]?.text]).toEqual(["text_completion", "string"]);
    const models = (await (await fetch(`${real.engine.url}/v1/models`)).json()) as { data: { id: string }[] };
    expect(models.data.map(({ id }) => id)).toEqual(["a", "b", "c"]);
    expect((await fetch(`${real.engine.url}/health`)).status).toBe(200);
  });

  test("serves calls side by side, each from KV of its own", async () => {
    await using pair = await startReal({ maxSequences: 2 });
    const topics = ["alpha", "bravo", "charlie"];
    const all = await Promise.all(topics.map((topic) => pair.chat("a", [topic])));
    const again = await Promise.all(topics.map((topic) => pair.chat("a", [topic])));
    expect(all.map(({ usage }) => usage.completion_tokens)).toEqual([8, 8, 8]);
    for (const [index, { usage }] of again.entries())
      expect(usage.prompt_tokens_details.cached_tokens).toBe((all[index]?.usage.prompt_tokens ?? 0) - 1);
    expect(pair.engine.residency.sight()).toEqual({ resident: ["a"], loading: [], running: 0, waiting: 0 });
  });

  test.each([
    ["another model", { model: "z", messages: toMessages(["x"]) }, 404, "model_not_found"],
    [
      "no room in the context",
      { model: "a", messages: toMessages(["x"]), max_tokens: 4000 },
      400,
      "context_length_exceeded",
    ],
    ["no messages", { model: "a", messages: [] }, 400, "invalid_value"],
    ["tools", { model: "a", messages: toMessages(["x"]), tools: [{}] }, 400, "unsupported_parameter"],
  ])("refuses %s with a reason", async (_, body, status, code) => {
    const response = await real.post("/v1/chat/completions", body);
    const { error } = (await response.json()) as { error: { code: string } };
    expect([response.status, error.code]).toEqual([status, code]);
  });
});
