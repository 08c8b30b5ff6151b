/** Several models behind one address: an API that holds all of them, and a server that is said to swap. */

import { setTimeout } from "node:timers/promises";
import type { ServerResponse } from "node:http";
import { expect, test } from "vitest";
import { send } from "./client.ts";
import { openBench } from "./gateway.ts";
import { scriptEngine } from "./scripted-engine.ts";

const small = "llama-3.2-1b";
const large = "qwen2.5-32b";
const chat = (model: string): object => ({ model, messages: [{ role: "user", content: "a" }] });
const ask = (url: string, model: string) => send(url, "/v1/chat/completions", chat(model));
const entry = (url: string, more = ""): string =>
  `{ id: api, kind: openai, url: "${url}", gpu: l4-24g, models: [${small}, ${large}]${more} }`;

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await setTimeout(1);
}

test("an API answers calls of several models side by side", async () => {
  const open: ServerResponse[] = [];
  // Answers nobody until four calls are there at once.
  await using api = await scriptEngine((response) => {
    if (open.push(response) === 4) for (const each of open) each.end("{}");
  });
  await using bench = await openBench([entry(api.url)]);
  const answers = await Promise.all([small, large, small, large].map((model) => ask(bench.url, model)));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  const events = await bench.end();
  expect(events.filter(({ kind }) => kind === "model-load-start")).toEqual([]);
});

test("calls of all models together are bounded by maxSequences", async () => {
  const open: ServerResponse[] = [];
  await using api = await scriptEngine((response) => void open.push(response));
  await using bench = await openBench([entry(api.url, ", maxSequences: 2")]);
  const answers = [small, large, small].map((model) => ask(bench.url, model));
  await until(() => bench.gateway.status().openCalls === 3 && open.length === 2);
  await setTimeout(20);
  expect(open).toHaveLength(2);
  open[0]?.end("{}");
  await until(() => open.length === 3);
  for (const each of open.slice(1)) each.end("{}");
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200]);
});

test("a server that is said to hold one model gets calls of one at a time", async () => {
  const open: ServerResponse[] = [];
  await using api = await scriptEngine((response) => void open.push(response));
  await using bench = await openBench([entry(api.url, ", maxResident: 1")]);
  const first = ask(bench.url, small);
  await until(() => open.length === 1);
  const second = ask(bench.url, large);
  await until(() => bench.gateway.status().openCalls === 2);
  await setTimeout(20);
  expect(open).toHaveLength(1);
  open[0]?.end("{}");
  await until(() => open.length === 2);
  open[1]?.end("{}");
  expect([(await first).status, (await second).status]).toEqual([200, 200]);
});
