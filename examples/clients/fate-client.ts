/**
 * Fate's own client: the workflow is declared as a whole, so that the gateway sees all of it before the first call.
 *
 *     fate serve &
 *     node examples/clients/fate-client.ts
 */

// In a project of your own: from "fate/client".
import { createClient, type WorkflowDefinition } from "../../src/client/client.ts";

const apiKey = process.env["FATE_API_KEY"];
const fate = createClient({
  baseUrl: process.env["FATE_URL"] ?? "http://127.0.0.1:7373/v1",
  ...(apiKey === undefined ? {} : { apiKey }),
});

const research: WorkflowDefinition = {
  name: "research",
  deadlineMs: 60_000,
  inputs: { topic: null, angles: ["history", "taste", "trade"] },
  stages: [
    {
      id: "outline",
      kind: "llm",
      model: "llama-3.1-8b",
      prompt: "Outline a report about {{ inputs.topic }}.",
      maxTokens: 64,
    },
    {
      id: "parts",
      kind: "llm",
      model: "llama-3.1-8b",
      over: "{{ inputs.angles }}",
      prompt: "{{ stages.outline.text }}\nWrite about the {{ item }} of {{ inputs.topic }}.",
      maxTokens: 48,
    },
    { id: "report", kind: "llm", model: "llama-3.1-8b", prompt: "Join these:\n{{ stages.parts.text }}", maxTokens: 96 },
    {
      id: "check",
      kind: "embed",
      model: "embed-1.2b",
      when: "stages.report.text.length > 0",
      prompt: "{{ stages.report.text }}",
    },
  ],
};

const run = await fate.workflows.run(research, {
  inputs: { topic: "tea" },
  onEvent: (event) => {
    if (event.kind === "stage-end") console.log(`stage ${event.stage} on ${event.result.engines.join(", ")}`);
  },
});
console.log(`status ${run.status}`);
console.log(`tokens ${run.usage.outputTokens}`);
for (const { id, text } of run.stages) if (id === "report") console.log(`answer ${text ?? ""}`);
