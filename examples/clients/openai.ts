/**
 * An agent with the official `openai` package: it calls a tool, then streams its answer. Against a gateway only the base URL
 * and the headers differ; the headers say which calls are one workflow, so that they are planned together.
 *
 *     fate serve &
 *     node examples/clients/openai.ts
 */

import OpenAI from "openai";
import type { ChatCompletionMessageParam, ChatCompletionTool } from "openai/resources/chat/completions";

const client = new OpenAI({
  baseURL: process.env["FATE_URL"] ?? "http://127.0.0.1:7373/v1",
  apiKey: process.env["FATE_API_KEY"] ?? "none",
});
const model = "llama-3.1-8b";
const workflow = `weather-${crypto.randomUUID()}`;
/** Parents are inferred from the conversation. `final` lets the gateway forget the workflow at once. */
const headers = (stage: string, final = false): Record<string, string> => ({
  "x-workflow-id": workflow,
  "x-workflow-stage": stage,
  ...(final ? { "x-workflow-final": "true" } : {}),
});

const tools: ChatCompletionTool[] = [
  {
    type: "function",
    function: {
      name: "weather",
      description: "The weather in a city",
      parameters: { type: "object", properties: { city: { type: "string" } } },
    },
  },
];

function weather(text: string): string {
  const { city = "Paris" } = JSON.parse(text) as { readonly city?: string };
  return JSON.stringify({ city, celsius: 21, sky: "clear" });
}

const messages: ChatCompletionMessageParam[] = [
  { role: "system", content: "You answer questions about the weather." },
  { role: "user", content: "Do I need a coat in Paris?" },
];

const { choices } = await client.chat.completions.create(
  { model, messages, tools, tool_choice: "required", max_tokens: 64 },
  { headers: headers("choose") },
);
const reply = choices[0]?.message;
if (reply === undefined) throw new Error("no answer came");
messages.push(reply);
for (const call of reply.tool_calls ?? []) {
  if (call.type !== "function") continue;
  console.log(`tool ${call.function.name}(${call.function.arguments})`);
  messages.push({ role: "tool", tool_call_id: call.id, content: weather(call.function.arguments) });
}

const stream = await client.chat.completions.create(
  { model, messages, max_tokens: 48, stream: true, stream_options: { include_usage: true } },
  { headers: headers("answer", true) },
);
process.stdout.write("answer ");
let used = 0;
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta.content ?? "");
  used = chunk.usage?.completion_tokens ?? used;
}
console.log(`\ntokens ${used}`);
