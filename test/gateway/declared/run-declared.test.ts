import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import type { Config, ToolConfig } from "../../../src/gateway/config/config.ts";
import type { Caller } from "../../../src/gateway/declared/model-call.ts";
import { createRuns } from "../../../src/gateway/declared/runs.ts";
import { runWorkflow, shown, submissionOf, world, type Reply } from "./support.ts";

const llm = (id: string, prompt: string, rest: object = {}) =>
  ({ id, kind: "llm", model: "big", prompt, ...rest }) as const;
const echo = ({ text }: { readonly text: string }): Reply => `<${text}>`;

test("a stage reads what its parents wrote, and is revealed with its chain before they have", async () => {
  const stages = [llm("join", "{{ stages.left.text }}+{{ stages.right.text }}"), llm("left", "L"), llm("right", "R")];
  const { view, driver, caller } = await runWorkflow({ stages }, world(echo));
  expect(shown(view)).toEqual(["left ended: <L>", "right ended: <R>", "join ended: <<L>+<R>>"]);
  expect(driver.told).toEqual([
    "reveal left",
    "reveal right",
    "reveal join",
    "ready left",
    "ready right",
    "end left",
    "end right",
    "ready join",
    "end join",
    "end",
  ]);
  expect(view.outputs).toEqual({ join: "<<L>+<R>>" });
  expect(view.usage).toEqual({ promptTokens: 30, outputTokens: 15, cachedTokens: 9 });
  expect(caller.calls[2]?.body).toEqual({
    model: "big",
    messages: [{ role: "user", content: "<L>+<R>" }],
    stream: false,
  });
});

test("equal beginnings of prompts are equal links, and an output's link is the one that engines cache it by", async () => {
  const system = "You are brief.";
  const stages = [
    llm("plan", "Plan.", { system }),
    llm("check", "Check.", { system }),
    {
      id: "go",
      kind: "llm",
      model: "big",
      messages: [
        { role: "system", content: system },
        { role: "user", content: "Plan." },
        { role: "assistant", content: "{{ stages.plan.text }}" },
        { role: "user", content: "Go on." },
      ],
    } as const,
  ];
  const { driver } = await runWorkflow({ stages }, world(echo));
  const chainOf = (id: string) => {
    const stage = driver.stages.get(`run-1/${id}`)?.stage;
    return stage === undefined || stage.kind === "tool" ? [] : stage.chain;
  };
  const [plan, check, go] = [chainOf("plan"), chainOf("check"), chainOf("go")];
  expect(check[0]).toEqual(plan[0]);
  expect(check[1]?.hash).not.toBe(plan[1]?.hash);
  expect(go.slice(0, 2)).toEqual(plan);
  expect(go.map(({ tokens }) => tokens)).toEqual([...plan.map(({ tokens }) => tokens), 100, 3]);
});

test("a map over a list that a stage wrote is revealed when the list is known, with what follows it", async () => {
  const stages = [
    llm("plan", "list", { output: "lines" }),
    llm("read", "{{ index }}:{{ item }}", { over: "{{ stages.plan.json }}" }),
    llm("sum", "{{ stages.read.json }}"),
  ];
  const reply = ({ text }: { readonly text: string }): Reply => (text === "list" ? "- a\n\n2. b\nc" : `<${text}>`);
  const { view, driver, events } = await runWorkflow(
    { stages },
    world(reply, { shares: (_, n) => (n === 3 ? [2, 1] : [n]) }),
  );
  expect(shown(view)).toEqual([
    'plan ended: ["a","b","c"]',
    'read ended: ["<0:a>","<1:b>","<2:c>"]',
    'sum ended: <["<0:a>","<1:b>","<2:c>"]>',
  ]);
  expect(view.stages[1]).toMatchObject({
    items: 3,
    itemsDone: 3,
    engines: ["e0", "e1"],
    text: "<0:a>\n\n<1:b>\n\n<2:c>",
  });
  expect(driver.told.slice(0, 5)).toEqual(["reveal plan", "ready plan", "end plan", "reveal read", "reveal sum"]);
  expect(driver.stages.get("run-1/read")?.stage).toMatchObject({ items: 3, outputTokens: 300, sharedLinks: 1 });
  expect(events.filter(({ kind }) => kind === "item-end")).toHaveLength(3);
});

test("a map over inputs is revealed at once; an empty list skips it and what only it leads to", async () => {
  const stages = [
    llm("full", "{{ item }}", { over: "{{ inputs.some }}" }),
    llm("empty", "{{ item }}", { over: "{{ inputs.none }}" }),
    llm("after", "{{ stages.empty.json }}"),
    llm("both", "[{{ stages.empty.json }}] {{ stages.full.json }}"),
  ];
  const { view, driver } = await runWorkflow({ inputs: { some: [1, 2, 3], none: [] }, stages }, world(echo));
  expect(shown(view)).toEqual([
    'full ended: ["<1>","<2>","<3>"]',
    "empty skipped",
    "after skipped",
    'both ended: <[] ["<1>","<2>","<3>"]>',
  ]);
  expect(driver.told.slice(0, 4)).toEqual(["reveal full", "reveal empty", "reveal after", "reveal both"]);
  // `<user>` is shared; what is each item's own comes once for each of them.
  const full = driver.stages.get("run-1/full")?.stage;
  expect(full?.kind === "llm" && full.chain.map(({ tokens }) => tokens)).toEqual([2, 150]);
});

test("a condition that does not hold skips the stage; a join goes on with what is there", async () => {
  const stages = [
    llm("draft", "draft", { output: "json" }),
    llm("mend", "mend", { when: "stages.draft.json.score < 5" }),
    llm("more", "more {{ stages.mend.text }}"),
    llm("final", "{{ stages.draft.json.score }}/{{ stages.mend.text }}/{{ stages.mend.status }}"),
  ];
  const good = await runWorkflow(
    { stages },
    world(({ text }) => (text === "draft" ? '```json\n{"score":9}\n```' : `<${text}>`)),
  );
  expect(shown(good.view)).toEqual([
    'draft ended: {"score":9}',
    "mend skipped",
    "more skipped",
    "final ended: <9//skipped>",
  ]);
  const bad = await runWorkflow(
    { stages },
    world(({ text }) => (text === "draft" ? '{"score":2}' : `<${text}>`)),
  );
  expect(shown(bad.view).slice(1)).toEqual([
    "mend ended: <mend>",
    "more ended: <more <mend>>",
    "final ended: <2/<mend>/ended>",
  ]);
});

test("a skipped map whose list never comes is still accounted for", async () => {
  const stages = [
    llm("plan", "list", { output: "lines" }),
    llm("read", "{{ item }}", { over: "{{ stages.plan.json }}", when: 'stages.plan.text contains "go"' }),
    llm("sum", "{{ stages.read.json }}"),
  ];
  const { view, driver } = await runWorkflow(
    { stages },
    world(() => "stop"),
  );
  expect(shown(view)).toEqual(['plan ended: ["stop"]', "read skipped", "sum skipped"]);
  expect(driver.told.slice(3)).toEqual(["reveal read", "reveal sum", "skip read", "skip sum", "end"]);
});

test("a fault is tried again elsewhere, and items that are done are not called again", async () => {
  let faults = 0;
  const reply = ({ text }: { readonly text: string }): Reply =>
    text === "c" && faults++ < 2 ? { kind: "unreachable", retry: true, message: "gone" } : `<${text}>`;
  const stages = [llm("read", "{{ item }}", { over: ["a", "b", "c"] })];
  const { view, caller } = await runWorkflow({ stages }, world(reply, { shares: () => [3] }));
  expect(shown(view)).toEqual(['read ended: ["<a>","<b>","<c>"]']);
  expect(view.stages[0]?.retried).toBe(2);
  expect(caller.calls.map(({ text }) => text).toSorted()).toEqual(["a", "b", "c", "c", "c"]);
});

test("a share that is taken back while its answer comes in ends with its next turn; of two answers the first counts", async () => {
  const held = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const made = world(({ text }) => `<${text}>`);
  let calls = 0;
  const caller: Caller = {
    call: async (call) => {
      // Deaf to the signal, as an answer is that has left its engine already.
      await held[calls++]?.promise;
      return made.caller.call(call);
    },
  };
  const stages = [llm("a", "a"), llm("b", "{{ stages.a.text }}")];
  const running = runWorkflow({ stages }, { ...made, options: { ...made.options, caller } });
  await turns();
  made.driver.lose("run-1/a");
  await turns();
  held[0]?.resolve();
  await turns();
  expect(made.driver.told.at(-1)).toBe("again a");
  held[1]?.resolve();
  const { view, driver } = await running;
  expect(shown(view)).toEqual(["a ended: <a>", "b ended: <<a>>"]);
  expect(view.stages[0]).toMatchObject({ itemsDone: 1, usage: { promptTokens: 10 } });
  expect(driver.told).toEqual(["reveal a", "reveal b", "ready a", "again a", "end a", "ready b", "end b", "end"]);
});

/** Whatever can happen without the world outside happens. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

test("when an item fails, those beside it are given up", async () => {
  const signals: AbortSignal[] = [];
  const reply = ({ text }: { readonly text: string }, { signal }: { readonly signal: AbortSignal }): Reply => {
    signals.push(signal);
    return text === "bad" ? 400 : new Promise<string>(() => {});
  };
  const { view } = await runWorkflow({ stages: [llm("read", "{{ item }}", { over: ["slow", "bad"] })] }, world(reply));
  expect([view.status, signals.map(({ aborted }) => aborted)]).toEqual(["failed", [true, true]]);
});

test("a stage that fails for good fails the workflow, and what is under way is given up", async () => {
  const stages = [llm("bad", "bad"), llm("slow", "slow"), llm("next", "{{ stages.bad.text }}")];
  const forever = new Promise<string>(() => {});
  const { view, driver, events } = await runWorkflow(
    { stages },
    world(({ text }) => (text === "slow" ? forever : 400)),
  );
  expect(shown(view)).toEqual(["bad failed", "slow cancelled", "next cancelled"]);
  expect(view).toMatchObject({
    status: "failed",
    error: { code: "engine_rejected", message: "the engine answered 400: no", stage: "bad" },
  });
  expect(driver.told.at(-1)).toBe("cancel");
  expect(events.at(-1)).toMatchObject({ kind: "workflow-end", status: "failed" });
});

test.each<[string, object, object, string]>([
  ["is not JSON", { output: "json", retries: 1 }, {}, "the answer is not JSON, as `output: json` asks for"],
  ["is refused", {}, { refuses: ["try"] }, "no engine serves it"],
  ["reads what is not there", { prompt: "{{ stages.plan.json[7] }}" }, {}, "nothing is at stages.plan.json.7"],
  ["goes over what is no list", { over: "{{ stages.plan.text }}" }, {}, "what it is to go over is not a list"],
])("with `onError: skip` the workflow goes on without a stage that %s", async (_, rest, script, message) => {
  const stages = [
    llm("plan", "plan", { output: "lines" }),
    llm("try", "{{ stages.plan.text }}", { onError: "skip", ...rest }),
    llm("only", "{{ stages.try.text }}"),
    llm("join", "{{ stages.plan.text }}{{ stages.try.text }} {{ stages.try.status }}"),
  ];
  const { view } = await runWorkflow({ stages }, world(echo, script));
  expect(shown(view)).toEqual(['plan ended: ["<plan>"]', "try failed", "only skipped", "join ended: <<plan> failed>"]);
  expect(view.status).toBe("succeeded");
  expect(view.stages[1]?.error?.message).toBe(message);
});

test("a prefill/decode pair hands each item's cache over", async () => {
  const stages = [llm("read", "{{ item }}", { over: ["a", "b"] })];
  const { view, caller } = await runWorkflow({ stages }, world(echo, { pairs: true, shares: () => [1, 1] }));
  expect(shown(view)).toEqual(['read ended: ["<a>","<b>"]']);
  expect(caller.calls.map(({ call }) => call.handOff)).toEqual(["kv of a", "kv of b"]);
});

test("an embedding gives its vector, of a map one an item", async () => {
  const embed = { kind: "embed", model: "embedder" } as const;
  const stages = [
    { ...embed, id: "one", prompt: "x" },
    { ...embed, id: "many", prompt: "{{ item }}", over: ["y", "z"] },
  ];
  const { view, caller } = await runWorkflow(
    { stages },
    world(() => ""),
  );
  expect(shown(view)).toEqual(["one ended: [0.5,1]", "many ended: [[0.5,1],[0.5,1]]"]);
  expect(caller.calls[0]?.body).toEqual({ model: "embedder", input: "x" });
});

test("a tool gets values filled in, never an address; its answer can be read", async () => {
  const seen: string[] = [];
  await using server = await listen((path, body, key) => {
    seen.push(`${path} ${String(key)} ${body}`);
    return path.startsWith("/moved")
      ? [302, ""]
      : path.startsWith("/long")
        ? [200, "x".repeat(2000)]
        : [200, '{"found":["a&b"]}'];
  });
  const tool = (name: string, method: "GET" | "POST"): ToolConfig => ({
    name,
    method,
    url: `${server.url}/${name}?fixed=1`,
    timeoutMs: 5000,
    maxBytes: 1000,
    headersFromEnv: { "x-key": "TOOL_KEY" },
  });
  const made = world(echo, {
    tools: [tool("look", "GET"), tool("post", "POST"), tool("moved", "GET"), tool("long", "GET")],
  });
  const stages = [
    { id: "look", kind: "tool", tool: "look", query: { q: "{{ inputs.topic }}" } },
    {
      id: "post",
      kind: "tool",
      tool: "post",
      body: { list: "{{ stages.look.json.found }}", text: "on {{ inputs.topic }}" },
    },
    { id: "moved", kind: "tool", tool: "moved", onError: "skip" },
    { id: "long", kind: "tool", tool: "long", onError: "skip" },
    llm("say", "{{ stages.look.json.found[0] }}"),
  ] as const;
  const env = { TOOL_KEY: "secret" };
  const { view } = await runWorkflow(
    { inputs: { topic: "x&fixed=2#/../y" }, stages },
    { ...made, options: { ...made.options, env } },
  );
  expect(view.status).toBe("succeeded");
  expect(view.outputs["say"]).toBe("<a&b>");
  expect(seen.toSorted()).toEqual([
    "/long?fixed=1 secret ",
    "/look?fixed=1&q=x%26fixed%3D2%23%2F..%2Fy secret ",
    "/moved?fixed=1 secret ",
    '/post?fixed=1 secret {"list":["a&b"],"text":"on x&fixed=2#/../y"}',
  ]);
  const errors = view.stages.flatMap(({ error }) => error?.message ?? []);
  expect(errors).toEqual([
    "moved answered 302, a redirect, which is not followed",
    "long answered with more than 1000 bytes",
  ]);
});

test("what is filled in is bounded as a whole: a small workflow makes no large request of a large value", async () => {
  await using server = await listen(() => [200, "{}"]);
  const named = (name: string, method: "GET" | "POST"): ToolConfig => ({
    name,
    url: server.url,
    method,
    headersFromEnv: {},
    timeoutMs: 5000,
    maxBytes: 100,
  });
  const tools = [named("post", "POST"), named("get", "GET")];
  const five = Array.from({ length: 5 }, () => "{{ inputs.long }}");
  const stages = [
    { id: "body", kind: "tool", tool: "post", body: { list: five }, onError: "skip" },
    {
      id: "query",
      kind: "tool",
      tool: "get",
      query: Object.fromEntries(five.map((q, at) => [`q${at}`, q])),
      onError: "skip",
    },
    llm("list", "{{ item }}", { over: five.map((text) => `${text}!`), onError: "skip" }),
    { id: "once", kind: "tool", tool: "post", body: ["{{ inputs.long }}"] },
  ] as const;
  const { view } = await runWorkflow({ inputs: { long: "x".repeat(1_000_000) }, stages }, world(echo, { tools }));
  const message = "what is filled in comes to more than 4000000 characters";
  expect(view.stages.map(({ id, error }) => [id, error?.message])).toEqual([
    ["body", message],
    ["query", message],
    ["list", message],
    ["once", undefined],
  ]);
});

test("a prompt that would come to more than any may fails its stage, however much more, and is shown short", async () => {
  const holes = "{{ inputs.long }}".repeat(1000);
  const stages = [
    llm("one", holes, { onError: "skip" }),
    llm("map", `{{ item }}${holes}`, { over: ["a"], onError: "skip" }),
    llm("after", "short"),
  ];
  const { view, driver } = await runWorkflow({ inputs: { long: "x".repeat(1_000_000) }, stages }, world(echo));
  expect(view.stages.map(({ error }) => error?.message)).toEqual([
    "a template comes to more than 4000000 characters",
    "a template comes to more than 4000000 characters",
    undefined,
  ]);
  const tokens = ["one", "map"]
    .map((id) => driver.stages.get(`run-1/${id}`)?.stage)
    .map((stage) => stage?.kind === "llm" && stage.promptTokens);
  expect(tokens).toEqual([1_250_002, 1_250_000 + 2 + 50]);
});

test("a mistake of the gateway's own in the call of a tool costs the run its carrier, and is told", async () => {
  const told = Promise.withResolvers<string>();
  const tools = [
    { name: "lost", url: "no address", method: "GET", headersFromEnv: {}, timeoutMs: 5000, maxBytes: 100 },
  ] as const;
  const { options } = world(echo, { tools });
  await using runs = createRuns({ ...options, onFault: told.resolve });
  await runs.submit(submissionOf({ stages: [{ id: "t", kind: "tool", tool: "lost" }] }));
  expect(await told.promise).toBe("workflow run-1 cannot go on here: TypeError: Invalid URL");
  await runs.drain(new AbortController().signal);
  expect(runs.open()).toBe(0);
});

test("a map whose results come to more than a run may hold ends with the item that does", async () => {
  const stages = [llm("map", "{{ item }}", { over: Array.from({ length: 20 }, (_, at) => at) })];
  const answer = "x".repeat(4_000_000);
  const { view, events, driver } = await runWorkflow(
    { stages },
    world(() => answer),
  );
  const message = "the results of this workflow come to more than 64000000 characters";
  expect(view.error).toEqual({ code: "result_too_large", message, stage: "map" });
  expect(events.filter(({ kind }) => kind === "item-end")).toHaveLength(16);
  expect(driver.told.at(-1)).toBe("cancel");
});

test("a mistake of the gateway's own in the calls of a stage costs the run its carrier, and is told", async () => {
  const told = Promise.withResolvers<string>();
  const { options } = world(echo);
  const engines = { find: () => expect.unreachable("odd") } as never;
  await using runs = createRuns({ ...options, config: { ...options.config, engines }, onFault: told.resolve });
  await runs.submit(submissionOf({ stages: [llm("a", "x")] }));
  expect(await told.promise).toMatch(/^workflow run-1 cannot go on here: .*odd/);
  await runs.drain(new AbortController().signal);
  expect(runs.open()).toBe(0);
});

test("a tool is tried again as often as its stage says", async () => {
  let calls = 0;
  await using server = await listen(() => (++calls < 3 ? [503, ""] : [200, "plain text"]));
  const tools: ToolConfig[] = [
    { name: "flaky", url: server.url, method: "GET", headersFromEnv: {}, timeoutMs: 5000, maxBytes: 100 },
  ];
  const stages = [{ id: "t", kind: "tool", tool: "flaky", retries: 2 }] as const;
  const { view, driver } = await runWorkflow({ stages }, world(echo, { tools }));
  expect(shown(view)).toEqual(["t ended: plain text"]);
  expect(view.stages[0]?.retried).toBe(2);
  expect(driver.told).toEqual(["reveal t", "tool-start t", "tool-end t", "end"]);
});

type Answering = (
  path: string,
  body: string,
  key: unknown,
  request: IncomingMessage,
) => readonly [number, string] | undefined;

async function listen(answer: Answering): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (piece: Buffer) => (body += piece.toString()));
    request.on("end", () => {
      const given = answer(request.url ?? "", body, request.headers["x-key"], request);
      if (given === undefined) return;
      const [status, text] = given;
      response.writeHead(status, status === 302 ? { location: "/look" } : {}).end(text);
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}

test("a workflow that fails gives its tools up", async () => {
  const gone = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<string>();
  await using server = await listen((_path, _body, _key, request) => {
    request.socket.once("close", () => gone.resolve());
    asked.resolve("");
    return undefined;
  });
  const { options } = world(() => asked.promise, { tools: [slowTool(server.url, 60_000)] });
  const bad = llm("bad", "x", { output: "json", retries: 0 });
  const submission = submissionOf({ stages: [{ id: "t", kind: "tool", tool: "slow", retries: 3 }, bad] });
  await using runs = createRuns(options);
  await runs.submit(submission);
  await gone.promise;
  const run = await runs.find("t", "run-1");
  expect([...(run?.stages.values() ?? [])].map(({ status }) => status)).toEqual(["cancelled", "failed"]);
  await runs[Symbol.asyncDispose]();
  expect(await runs.submit(submission)).toEqual({ kind: "closing" });
});

test("a tool that does not answer in time has failed", async () => {
  await using server = await listen(() => undefined);
  const stages = [{ id: "t", kind: "tool", tool: "slow" } as const];
  const { view } = await runWorkflow({ stages }, world(echo, { tools: [slowTool(server.url, 5)] }));
  expect(view.error).toEqual({ code: "tool_failed", message: "slow did not answer within 5 ms", stage: "t" });
});

function slowTool(url: string, timeoutMs: number): ToolConfig {
  return { name: "slow", url, method: "GET", headersFromEnv: {}, timeoutMs, maxBytes: 100 };
}

test("a share has no more calls under way than its engine takes at once", async () => {
  let open = 0;
  let most = 0;
  const reply = async (): Promise<string> => {
    most = Math.max(most, ++open);
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    open -= 1;
    return "x";
  };
  const made = world(reply);
  const engines = [{ id: "e0", maxSequences: 3 }] as unknown as Config["engines"];
  const options = { ...made.options, config: { ...made.options.config, engines } };
  const stages = [llm("read", "{{ item }}", { over: Array.from({ length: 10 }, (_, at) => at) })];
  const { view } = await runWorkflow({ stages }, { ...made, options });
  expect([view.status, most]).toEqual(["succeeded", 3]);
});

test("a run that compares for too long fails where it does so", async () => {
  const list = JSON.stringify(Array.from({ length: 1_100_000 }, () => 0));
  const often = Array.from({ length: 50 }, () => "stages.l.json contains 1").join(" or ");
  const stages = [
    llm("l", "", { output: "json" }),
    llm("prompt", `{{ ${often} }}`, { onError: "skip" }),
    llm("condition", "{{ stages.l.status }}", { when: often, onError: "skip" }),
    llm("other", "{{ stages.l.status }}", {
      when: "stages.l.status == 'failed' or stages.l.status == 'ended'",
      onError: "skip",
    }),
  ];
  const { view } = await runWorkflow(
    { stages, outputs: ["l"] },
    world(({ text }) => (text === "" ? list : text)),
  );
  expect(view.stages.map(({ id, status }) => `${id} ${status}`)).toEqual([
    "l ended",
    "prompt failed",
    "condition failed",
    "other failed",
  ]);
  const message = "comparisons look at more than 50000000 characters and entries";
  expect(view.stages[1]?.error).toMatchObject({ message });
  expect(view.stages[3]?.error).toMatchObject({ code: "template_failed", message });
});
