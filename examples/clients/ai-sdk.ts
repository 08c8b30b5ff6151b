/**
 * The Vercel AI SDK: an agent of several steps with tools, then a streamed summary of what it found.
 *
 *     fate serve &
 *     node examples/clients/ai-sdk.ts
 */

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, isStepCount, streamText, tool } from "ai";
import { z } from "zod";

const apiKey = process.env["FATE_API_KEY"];
const fate = createOpenAICompatible({
  name: "fate",
  includeUsage: true,
  baseURL: process.env["FATE_URL"] ?? "http://127.0.0.1:7373/v1",
  ...(apiKey === undefined ? {} : { apiKey }),
});
const model = fate("llama-3.1-8b");
const workflow = `trip-${crypto.randomUUID()}`;

const weather = tool({
  description: "The weather in a city",
  inputSchema: z.object({ city: z.string().default("Paris") }),
  execute: async ({ city }) => ({ city, celsius: 21, sky: "clear" }),
});

const agent = await generateText({
  model,
  instructions: "You plan trips.",
  prompt: "What should I pack for Paris?",
  tools: { weather },
  stopWhen: isStepCount(2),
  // First look, then say: the second step may not call the tool again.
  prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? "required" : "none" }),
  maxOutputTokens: 64,
  // Every step carries the same id: one workflow. What follows from what is inferred from the conversation.
  headers: { "x-workflow-id": workflow },
});
for (const { toolResults } of agent.steps)
  for (const { toolName, output } of toolResults) console.log(`tool ${toolName} ${JSON.stringify(output)}`);
console.log(`steps ${agent.steps.length}`);

const { textStream, usage } = streamText({
  model,
  prompt: `Shorten this to one line: ${agent.text}`,
  maxOutputTokens: 32,
  headers: { "x-workflow-id": workflow, "x-workflow-stage": "shorten", "x-workflow-final": "true" },
});
process.stdout.write("answer ");
for await (const piece of textStream) process.stdout.write(piece);
console.log(`\ntokens ${(await usage).outputTokens ?? 0}`);
