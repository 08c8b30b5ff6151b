import { expect, test } from "vitest";
import { toSettings } from "../../../src/emulate/options.ts";
import { plainCalibration } from "../../support/plain-calibration.ts";
import { ask, chatOf, createHandClock, engineOf, other, send, small, stepUntil, until } from "../support.ts";

const models = [small, other];
const chat = "/v1/chat/completions";

test("a load makes room, takes its time, and can be taken back", async () => {
  const clock = createHandClock();
  await using engine = await engineOf({ models, clock });
  const { costs } = toSettings({ models, gpu: "l4-24g", calibration: plainCalibration });
  expect(await ask(engine.url, "/fate/residency")).toEqual({ resident: [small.id], loading: [] });
  const loaded = ask(engine.url, "/fate/load", { model: other.id });
  await until(() => engine.stats().loading.length > 0);
  expect(await ask(engine.url, "/fate/residency")).toEqual({ resident: [], loading: [other.id] });
  clock.step();
  expect(clock.nowUs()).toBe(costs.models.get(other.id)!.loadUs);
  expect(await loaded).toEqual({ resident: [other.id], loading: [] });
  expect(await ask(engine.url, "/fate/load", { model: other.id })).toEqual({ resident: [other.id], loading: [] });
  expect(await ask(engine.url, "/fate/unload", { model: other.id })).toEqual({ resident: [], loading: [] });
  expect((await send(engine.url, "/fate/load", { model: "unknown" })).status).toBe(404);
});

test("a model in use is not unloaded", async () => {
  const clock = createHandClock();
  await using engine = await engineOf({ clock });
  const answer = send(engine.url, chat, chatOf("x"));
  await until(() => engine.stats().running === 1);
  expect((await send(engine.url, "/fate/unload", { model: small.id })).status).toBe(409);
  expect((await stepUntil(clock, answer)).status).toBe(200);
});

test("who does not load by itself knows only what is resident", async () => {
  await using engine = await engineOf({ models, surface: "vllm" });
  expect((await send(engine.url, chat, { ...chatOf("x"), model: other.id })).status).toBe(404);
  expect((await ask(engine.url, "/v1/models")).data.map(({ id }: { id: string }) => id)).toEqual([small.id]);
  expect((await send(engine.url, "/api/ps")).status).toBe(404);
  expect((await send(engine.url, "/health")).status).toBe(200);
});

test("a model answers to all its names", async () => {
  await using engine = await engineOf({ names: { [small.id]: ["meta/Llama"] } });
  const answer = await ask(engine.url, chat, { ...chatOf("x"), model: "meta/Llama" });
  expect(answer.model).toBe("meta/Llama");
});

test("sleep aborts what runs, turns calls away, and waking takes as long as its level says", async () => {
  const clock = createHandClock();
  await using engine = await engineOf({ clock });
  const { costs } = toSettings({ models: [small], gpu: "l4-24g", calibration: plainCalibration });
  const running = send(engine.url, chat, chatOf("x"));
  await until(() => engine.stats().running === 1);
  expect((await send(engine.url, "/sleep?level=1&mode=abort", {})).status).toBe(200);
  expect((await running).status).toBe(503);
  expect(await ask(engine.url, "/is_sleeping")).toEqual({ is_sleeping: true });
  expect((await send(engine.url, chat, chatOf("x"))).status).toBe(503);
  expect(engine.stats().resident).toEqual([]);
  let sinceUs = clock.nowUs();
  await stepUntil(clock, send(engine.url, "/wake_up", {}));
  expect(clock.nowUs() - sinceUs).toBe(Math.round((small.weightBytes / 20e9) * 1e6));
  expect(engine.stats().resident).toEqual([small.id]);
  await send(engine.url, "/sleep?level=2", {});
  sinceUs = clock.nowUs();
  await stepUntil(clock, send(engine.url, "/wake_up", {}));
  expect(clock.nowUs() - sinceUs).toBe(costs.models.get(small.id)!.loadUs);
  expect((await stepUntil(clock, send(engine.url, chat, chatOf("x")))).status).toBe(200);
});

test("sleep that waits lets what runs come to its end", async () => {
  const clock = createHandClock();
  await using engine = await engineOf({ clock });
  const running = send(engine.url, chat, chatOf("x"));
  await until(() => engine.stats().running === 1);
  const asleep = send(engine.url, "/sleep?mode=wait", {});
  expect((await stepUntil(clock, running)).status).toBe(200);
  expect((await asleep).status).toBe(200);
  expect(engine.stats().resident).toEqual([]);
});

test("a client that leaves gives its place back", async () => {
  const clock = createHandClock();
  await using engine = await engineOf({ clock, maxSequences: 1 });
  const gone = new AbortController();
  const left = fetch(`${engine.url}${chat}`, {
    method: "POST",
    body: JSON.stringify(chatOf("x")),
    signal: gone.signal,
  });
  await until(() => engine.stats().running === 1);
  gone.abort();
  await expect(left).rejects.toThrow();
  await until(() => engine.stats().aborted === 1);
  expect([engine.stats().running, clock.timers()]).toEqual([0, 0]);
});

test("one call more than may wait is answered 503", async () => {
  const clock = createHandClock();
  await using engine = await engineOf({ clock, maxSequences: 1, maxWaiting: 1 });
  const first = send(engine.url, chat, chatOf("x"));
  await until(() => engine.stats().running === 1);
  const second = send(engine.url, chat, chatOf("x"));
  await until(() => engine.stats().waiting === 1);
  const third = await send(engine.url, chat, chatOf("x"));
  expect([third.status, JSON.parse(third.text).error.code]).toEqual([503, "queue_full"]);
  expect((await stepUntil(clock, Promise.all([first, second]))).map(({ status }) => status)).toEqual([200, 200]);
});

test("metrics carry vLLM's names and what was done", async () => {
  await using engine = await engineOf();
  const tokens = (await ask(engine.url, chat, chatOf("x".repeat(400)))).usage.completion_tokens;
  const { text } = await send(engine.url, "/metrics");
  const label = `{engine="0",model_name="${small.id}"}`;
  expect(text).toContain(`vllm:num_requests_running${label} 0\n`);
  expect(text).toContain(`vllm:prompt_tokens_total${label} 100\n`);
  expect(text).toContain(`vllm:generation_tokens_total${label} ${tokens}\n`);
  expect(text).toContain(`vllm:time_to_first_token_seconds_count${label} 1\n`);
  expect(text).toMatch(/vllm:cache_config_info\{.*block_size="16",num_gpu_blocks="\d+"\} 1\n/);
});

test("equal beginnings have equal tokens", async () => {
  await using engine = await engineOf();
  const short = await ask(engine.url, "/tokenize", { prompt: "12345678" });
  const long = await ask(engine.url, "/tokenize", { messages: [{ role: "user", content: "12345678abcd" }] });
  expect([short.count, long.count]).toEqual([2, 3]);
  expect(long.tokens.slice(0, 2)).toEqual(short.tokens);
  expect(long.tokens[2]).not.toBe(short.tokens[0]);
});

test("what cannot be is refused before it starts", () => {
  expect(() => toSettings({ models: [] })).toThrow("at least one model");
  expect(() => toSettings({ models: [small], gpu: "h1000" })).toThrow(/expected one of a100-80g/);
  expect(() => toSettings({ models: [small], speed: 0 })).toThrow("speed");
  expect(() => toSettings({ models: [{ ...small, weightBytes: 1e15 }] })).toThrow("does not fit");
  expect(() => toSettings({ models, resident: [small.id, other.id] })).toThrow("does not fit beside");
});

test.each([
  ["h100", "h100-80g"],
  ["L4", "l4-24g"],
  ["l40", "l40s-48g"],
  ["4090", "rtx-4090-24g"],
  ["h100-nvl", "h100-nvl-94g"],
])("a GPU is known by a part of its name: %s is %s", (name, id) => {
  expect(toSettings({ models: [small], gpu: name }).gpu).toBe(id);
});
