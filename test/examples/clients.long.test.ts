import { spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { readFileSync } from "node:fs";
import { createClient, type WorkflowDefinition } from "../../src/client/client.ts";
import type { JournalEvent } from "../../src/model/event.ts";
import { parseJsonOrYaml } from "../../src/trace/parse-text.ts";
import { tryGateway } from "./gateway.ts";

type Ran = { readonly code: number | null; readonly out: string; readonly errors: string };

function runExample(name: string, url: string): Promise<Ran> {
  const env = { ...process.env, FATE_URL: `${url}/v1`, NODE_OPTIONS: "", LANGSMITH_TRACING: "false" };
  const child = spawn(process.execPath, [`examples/clients/${name}.ts`], { env, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let errors = "";
  child.stdout.on("data", (piece: Buffer) => (out += piece.toString()));
  child.stderr.on("data", (piece: Buffer) => (errors += piece.toString()));
  return new Promise((resolve) => void child.on("close", (code) => resolve({ code, out, errors })));
}

/** By workflow name: how many stages ended, and the parents of each stage. */
function workflowsIn(events: readonly JournalEvent[]): ReadonlyMap<string, Record<string, readonly string[]>> {
  const found = new Map<string, Record<string, readonly string[]>>();
  for (const event of events) {
    if (event.kind !== "stage-reveal") continue;
    const { workflow, id, parents } = event.stage;
    const stages = found.get(workflow) ?? {};
    stages[id] = parents.map(({ stage }) => stage.split("/").at(-1) ?? "");
    found.set(workflow, stages);
  }
  return found;
}

test("every example of a client runs against a gateway, and its calls are one workflow each", async () => {
  const gateway = await tryGateway();
  const [openai, aiSdk, langgraph, fate] = await Promise.all(
    ["openai", "ai-sdk", "langgraph", "fate-client"].map((name) => runExample(name, gateway.url)),
  );
  const { events, violations } = await gateway.end();
  for (const ran of [openai, aiSdk, langgraph, fate]) expect([ran?.code, ran?.errors]).toEqual([0, ""]);
  expect(openai?.out).toMatch(/^tool weather\(\{\}\)\nanswer \S.*\ntokens [1-9]\d*\n$/);
  expect(aiSdk?.out).toMatch(/^tool weather \{"city":"Paris",.*\}\nsteps 2\nanswer \S.*\ntokens [1-9]\d*\n$/);
  expect(langgraph?.out).toMatch(/^parts 3\nanswer \S.*\n$/);
  expect(fate?.out).toMatch(
    /^stage outline on [\s\S]*stage check on [\s\S]*\nstatus succeeded\ntokens [1-9]\d*\nanswer \S/,
  );
  expect(violations).toEqual([]);
  const workflows = workflowsIn(events);
  const shapes = [...workflows].map(([id, stages]) => [id.replace(/^.*?(\w+)-[0-9a-f-]+$/, "$1"), stages] as const);
  expect(Object.fromEntries(shapes)).toMatchObject({
    weather: { choose: [], answer: ["choose"] },
    report: { plan: [], history: ["plan"], taste: ["plan"], trade: ["plan"], join: ["history", "taste", "trade"] },
    wf: { outline: [], parts: ["outline"], report: ["parts"], check: ["report"] },
  });
  expect(Object.keys(shapes.find(([name]) => name === "trip")?.[1] ?? {})).toHaveLength(3);
});

test("the examples of declared workflows run, tools and conditions and all", async () => {
  await using search = await listen();
  const tools = `declared: { tools: [{ name: search, url: "${search.url}/search", method: GET }] }`;
  const gateway = await tryGateway(tools);
  const { workflows } = createClient({ baseUrl: gateway.url });
  const read = (file: string): WorkflowDefinition =>
    parseJsonOrYaml(readFileSync(`examples/workflows/${file}`, "utf8"), file) as WorkflowDefinition;
  const [research, lookUp] = await Promise.all([
    workflows.run(read("declared-research.yaml"), { inputs: { topic: "tea" } }),
    workflows.run(read("declared-look-up.yaml"), { inputs: { question: "Who?" } }),
  ]);
  const { violations } = await gateway.end();
  expect(violations).toEqual([]);
  expect([research.status, Object.keys(research.outputs)]).toEqual(["succeeded", ["title", "report", "second-look"]]);
  expect(research.stages.find(({ id }) => id === "answers")?.items).toBeGreaterThan(0);
  expect(lookUp.stages.map(({ id, status }) => `${id} ${status}`)).toEqual([
    "keywords ended",
    "search ended",
    "answer ended",
    "doubts skipped",
  ]);
  expect(lookUp.stages[1]?.json).toEqual({ hits: ["a kettle"] });
});

async function listen(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((_, response) => void response.end('{"hits":["a kettle"]}'));
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}
