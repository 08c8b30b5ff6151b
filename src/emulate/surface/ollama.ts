/** Ollama's own routes: answers line by line with their timings, and models that come and go by `keep_alive`. */

import {
  badRequest,
  isApiError,
  isRecord,
  sendError,
  sendJson,
  type ApiError,
  type Body,
  type Call,
} from "../http/call.ts";
import { forcedTool, readAsk, textOf, toolsText } from "./ask.ts";
import type { Dialect, Done } from "./dialect.ts";
import { embed } from "./embeddings.ts";
import { generate } from "./generate.ts";
import { parseKeepAlive } from "./keep-alive.ts";
import { findModel } from "./plan.ts";

export async function ollamaChat(call: Call): Promise<void> {
  const { messages } = call.body;
  if (Array.isArray(messages) && messages.length === 0) return preload(call);
  await generateAlive(call, dialect("chat"));
}

/** Without a prompt it only loads, or with a `keep_alive` of 0 unloads. */
export async function ollamaGenerate(call: Call): Promise<void> {
  const { prompt } = call.body;
  if (prompt === undefined || prompt === "") return preload(call);
  await generateAlive(call, dialect("generate"));
}

export async function ollamaEmbed(call: Call): Promise<void> {
  const began = call.engine.pacer().nowUs();
  const found = await embed(call, "ollama");
  if (found === undefined) return;
  stayAlive(call);
  const { toWallUs, nowUs } = call.engine.pacer();
  sendJson(call, 200, {
    model: call.body["model"],
    embeddings: found.vectors,
    total_duration: Math.round(toWallUs(nowUs() - began) * 1000),
    load_duration: Math.round(toWallUs(found.times.loadUs) * 1000),
    prompt_eval_count: found.promptTokens,
  });
}

async function generateAlive(call: Call, spoken: Dialect): Promise<void> {
  const keepAliveUs = parseKeepAlive(call.body["keep_alive"]);
  if (keepAliveUs === "unreadable") return sendError(call, unreadable, "ollama");
  call.response.once("close", () => stayAlive(call));
  await generate(call, spoken);
}

const unreadable: ApiError = badRequest('keep_alive: expected seconds, or a duration such as "5m"', "keep_alive");

/** The model may go when it was not used this long. */
function stayAlive({ engine, body }: Call): void {
  const costs = typeof body["model"] === "string" ? engine.find(body["model"]) : undefined;
  const keepAliveUs = parseKeepAlive(body["keep_alive"]);
  if (costs !== undefined && keepAliveUs !== "unreadable") engine.keepAlive.arm(costs.model.id, keepAliveUs);
}

async function preload(call: Call): Promise<void> {
  const { engine, body } = call;
  const name = body["model"];
  const costs = typeof name === "string" ? findModel(engine, name) : badRequest("model: expected the name of a model");
  if (isApiError(costs)) return sendError(call, costs, "ollama");
  const keepAliveUs = parseKeepAlive(body["keep_alive"]);
  if (keepAliveUs === "unreadable") return sendError(call, unreadable, "ollama");
  const reason = keepAliveUs === 0 ? "unload" : "load";
  if (reason === "load" && !(await engine.load(costs)))
    return sendError(call, { status: 500, type: "server_error", message: "the model could not be loaded" }, "ollama");
  engine.keepAlive.arm(costs.model.id, keepAliveUs);
  const created = new Date().toISOString();
  const empty = "messages" in body ? { message: { role: "assistant", content: "" } } : { response: "" };
  sendJson(call, 200, { model: name, created_at: created, ...empty, done: true, done_reason: reason });
}

function dialect(route: "chat" | "generate"): Dialect {
  return {
    errors: "ollama",
    contentType: "application/x-ndjson",
    read: (request, body) => {
      const { messages, system, prompt, tools } = body;
      if (route === "chat" && !Array.isArray(messages)) return badRequest("messages: expected a list", "messages");
      const text = route === "chat" ? toolsText(tools) + textOf(messages) : textOf(system) + textOf(prompt);
      return readAsk(request, toOpenAi(body), [text], ["max_tokens"], forcedTool(tools, body["tool_choice"]));
    },
    render: ({ model, tool }, { createdS, promptTokens }) => {
      const head = `{"model":${JSON.stringify(model)},"created_at":"${new Date(createdS * 1000).toISOString()}",`;
      const call = `{"function":{"name":${JSON.stringify(tool ?? "")},"arguments":{}}}`;
      const said = (text: string): string => {
        if (route === "generate") return `"response":"${text}"`;
        const called = tool === undefined || text === "" ? "" : `,"tool_calls":[${call}]`;
        return `"message":{"role":"assistant","content":"${tool === undefined ? text : ""}"${called}}`;
      };
      const end = (done: Done, text: string): string => {
        const reason = done.answers[0]?.finish === "length" ? "length" : "stop";
        return `${head}${said(text)},"done":true,"done_reason":"${reason}",${toTimings(done, promptTokens)}}`;
      };
      return {
        opening: () => "",
        piece: (_, text) => `${head}${said(text)},"done":false}\n`,
        closing: (done) => `${end(done, "")}\n`,
        whole: (done) => end(done, done.answers[0]?.text ?? ""),
      };
    },
  };
}

function toOpenAi(body: Body): Body {
  const { model, stream = true, options, emulate } = body;
  const given = isRecord(options) ? options : {};
  const predict = given["num_predict"];
  return {
    model,
    stream,
    stop: given["stop"],
    emulate,
    ...(typeof predict === "number" && predict > 0 ? { max_tokens: predict } : {}),
  };
}

/** In nanoseconds, as a client sees them pass. */
function toTimings({ times, outputTokens, cachedTokens, toWallUs }: Done, promptTokens: number): string {
  const nanoseconds = (us: number): number => Math.round(toWallUs(us) * 1000);
  const { submitUs, loadUs, startUs, firstTokenUs, endUs } = times;
  return (
    `"total_duration":${nanoseconds(endUs - submitUs)},"load_duration":${nanoseconds(loadUs)},` +
    `"prompt_eval_count":${promptTokens - cachedTokens},"prompt_eval_duration":${nanoseconds(firstTokenUs - startUs)},` +
    `"eval_count":${outputTokens},"eval_duration":${nanoseconds(endUs - firstTokenUs)}`
  );
}
