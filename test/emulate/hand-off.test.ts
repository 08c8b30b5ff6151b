import { expect, test } from "vitest";
import { decodeUs } from "../../src/cost/decode.ts";
import { kvTransferUs } from "../../src/cost/transfer.ts";
import { toSettings } from "../../src/emulate/options.ts";
import { plainCalibration } from "../support/plain-calibration.ts";
import { ask, chatOf, createHandClock, engineOf, send, small, stepUntil, until } from "./support.ts";

const chat = "/v1/chat/completions";
const prompt = "x".repeat(4000);
const leave = { kv_transfer_params: { do_remote_decode: true, do_remote_prefill: false } };
const prefillLeg = chatOf(prompt, { ...leave, max_tokens: 1, stream: false });

test("the decode leg takes over what the prefill leg left, after the transfer and without taking the prompt in", async () => {
  const clock = createHandClock();
  await using prefill = await engineOf({ id: "p", role: "prefill" });
  await using decode = await engineOf({ id: "d", role: "decode", clock });
  const { costs } = toSettings({ models: [small], gpu: "l4-24g", calibration: plainCalibration });
  const { rates, model } = costs.models.get(small.id)!;
  const left = await ask(prefill.url, chat, prefillLeg);
  expect(left.usage.completion_tokens).toBe(1);
  expect(left.kv_transfer_params).toMatchObject({
    do_remote_prefill: true,
    remote_engine_id: "p",
    remote_port: prefill.port,
  });
  expect(left.kv_transfer_params.remote_block_ids.length).toBe(Math.ceil(1000 / 16));
  const more = { kv_transfer_params: left.kv_transfer_params, max_tokens: 40, ignore_eos: true };
  const answer = await stepUntil(clock, ask(decode.url, chat, chatOf(prompt, more)));
  expect([answer.usage.completion_tokens, answer.usage.prompt_tokens_details.cached_tokens]).toEqual([40, 1000]);
  expect(clock.nowUs()).toBe(kvTransferUs(costs.host, model.kvBytesPerToken, 1000) + decodeUs(rates, 1, 1000, 40));
  expect([prefill.stats().handOffsGiven, decode.stats().handOffsTaken, decode.stats().recomputed]).toEqual([1, 1, 0]);
  await using alone = await engineOf();
  const whole = await ask(alone.url, chat, chatOf(prompt, { max_tokens: 40, ignore_eos: true }));
  expect(answer.choices[0].message.content).toBe(whole.choices[0].message.content);
});

test.each([
  ["used twice", {}],
  ["of other blocks", { remote_block_ids: [7, 8] }],
  ["of another engine", { remote_engine_id: "someone" }],
  ["of an engine that is not there", { remote_port: 1 }],
  ["of another machine", { remote_host: "example.com" }],
  ["of nothing", { remote_block_ids: null }],
])("parameters %s mean that the prompt is taken in anew", async (_, change) => {
  await using prefill = await engineOf({ id: "p" });
  await using decode = await engineOf({ id: "d" });
  const left = await ask(prefill.url, chat, prefillLeg);
  const params = { ...left.kv_transfer_params, ...change };
  if (Object.keys(change).length === 0) await ask(decode.url, chat, chatOf(prompt, { kv_transfer_params: params }));
  const { status } = await send(decode.url, chat, chatOf(prompt, { kv_transfer_params: params }));
  expect([status, decode.stats().recomputed]).toEqual([200, 1]);
});

test("another prompt does not get the KV of this one", async () => {
  await using prefill = await engineOf({ id: "p" });
  await using decode = await engineOf({ id: "d" });
  const { kv_transfer_params } = await ask(prefill.url, chat, prefillLeg);
  await ask(decode.url, chat, chatOf("y".repeat(4000), { kv_transfer_params }));
  expect([decode.stats().recomputed, decode.stats().handOffsTaken]).toEqual([1, 0]);
});

const inRoom = (port: number, room: number | string): object =>
  chatOf(prompt, {
    bootstrap_host: "127.0.0.1",
    bootstrap_port: port,
    bootstrap_room: room,
    max_tokens: 30,
    ignore_eos: true,
  });

test.each(["decode", "prefill"] as const)("both legs meet in their room: %s first", async (first) => {
  const clock = createHandClock();
  await using prefill = await engineOf({ id: "p", role: "prefill", clock });
  await using decode = await engineOf({ id: "d", role: "decode" });
  const body = inRoom(prefill.port, 4711);
  const legs = { decode: () => ask(decode.url, chat, body), prefill: () => ask(prefill.url, chat, body) };
  const second = first === "decode" ? "prefill" : "decode";
  const begun = legs[first]();
  // The one who waits has set a timer, the one who works has a call.
  await until(() => clock.timers() === 1);
  if (first === "prefill") clock.step();
  const other = legs[second]();
  if (first === "decode") {
    await until(() => prefill.stats().running === 1);
    clock.step();
  }
  const answers = { [first]: await begun, [second]: await other };
  expect(answers["decode"].usage.completion_tokens).toBe(30);
  expect(answers["prefill"].usage.completion_tokens).toBe(1);
  expect([decode.stats().handOffsTaken, decode.stats().recomputed]).toEqual([1, 0]);
});

test("an empty room is left after a while, with an error", async () => {
  const clock = createHandClock();
  await using prefill = await engineOf({ id: "p", role: "prefill", clock });
  await using decode = await engineOf({ id: "d", role: "decode" });
  const answer = send(decode.url, chat, inRoom(prefill.port, "12"));
  await until(() => clock.timers() === 1);
  clock.step();
  const { status, text } = await answer;
  expect([status, JSON.parse(text).error.code, clock.nowUs()]).toEqual([500, "bootstrap_failed", 30e6]);
});

test("KV that is held keeps others from the memory it is in, and gives way when nothing else could go on", async () => {
  const kvBytes = 1500 * small.kvBytesPerToken;
  await using prefill = await engineOf({ id: "p", kvBytes });
  await using decode = await engineOf({ id: "d", kvBytes });
  const { kv_transfer_params } = await ask(prefill.url, chat, prefillLeg);
  const { usage } = await ask(prefill.url, chat, chatOf("z".repeat(4000), { max_tokens: 10 }));
  expect(usage.prompt_tokens).toBe(1000);
  await ask(decode.url, chat, chatOf(prompt, { kv_transfer_params }));
  expect(decode.stats().recomputed).toBe(1);
});
