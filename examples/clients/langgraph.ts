/**
 * LangGraph.js: one node plans, three write side by side, one joins. Each call names its stage and its parents, so that the
 * gateway knows the graph instead of having to infer it.
 *
 *     fate serve &
 *     node examples/clients/langgraph.ts
 */

import { Annotation, END, Send, START, StateGraph } from "@langchain/langgraph";
import { ChatOpenAI } from "@langchain/openai";

const workflow = `report-${crypto.randomUUID()}`;

type Call = { readonly stage: string; readonly parents?: readonly string[]; readonly final?: boolean };

/** A call of the workflow. Only the base URL and the headers are the gateway's. */
async function ask(prompt: string, { stage, parents = [], final = false }: Call): Promise<string> {
  const model = new ChatOpenAI({
    model: "llama-3.1-8b",
    maxTokens: 48,
    apiKey: process.env["FATE_API_KEY"] ?? "none",
    configuration: {
      baseURL: process.env["FATE_URL"] ?? "http://127.0.0.1:7373/v1",
      defaultHeaders: {
        "x-workflow-id": workflow,
        "x-workflow-stage": stage,
        ...(parents.length === 0 ? {} : { "x-workflow-parents": parents.join(",") }),
        ...(final ? { "x-workflow-final": "true" } : {}),
      },
    },
  });
  const { text } = await model.invoke(prompt);
  return text;
}

const Report = Annotation.Root({
  topic: Annotation<string>,
  plan: Annotation<string>,
  parts: Annotation<string[]>({ reducer: (left, right) => [...left, ...right], default: () => [] }),
  report: Annotation<string>,
});
const angles = ["history", "taste", "trade"];
type Part = { readonly topic: string; readonly plan: string; readonly angle: string };

const graph = new StateGraph(Report)
  .addNode("planning", async ({ topic }) => ({ plan: await ask(`Plan a report about ${topic}.`, { stage: "plan" }) }))
  .addNode("writing", async ({ topic, plan, angle }: Part) => ({
    parts: [await ask(`${plan}\nWrite about the ${angle} of ${topic}.`, { stage: angle, parents: ["plan"] })],
  }))
  .addNode("joining", async ({ parts }) => ({
    report: await ask(`Join these:\n${parts.join("\n\n")}`, { stage: "join", parents: angles, final: true }),
  }))
  .addEdge(START, "planning")
  .addConditionalEdges("planning", ({ topic, plan }) =>
    angles.map((angle) => new Send("writing", { topic, plan, angle })),
  )
  .addEdge("writing", "joining")
  .addEdge("joining", END)
  .compile();

const { parts, report } = await graph.invoke({ topic: "tea" });
console.log(`parts ${parts.length}`);
console.log(`answer ${report}`);
