import { expect, test } from "vitest";
import { serve, type Served } from "./serve.ts";
import { world, type Reply } from "./support.ts";

const echo = ({ text }: { readonly text: string }): Reply => `<${text}>`;
const one = { name: "one", stages: [{ id: "a", kind: "llm", model: "tiny", prompt: "hello" }] };
const forever = (): Promise<string> => new Promise(() => {});

type Asked = { readonly method?: string; readonly body?: unknown; readonly headers?: Record<string, string> };
type Got = { readonly status: number; readonly headers: Headers; readonly body: Record<string, unknown> };

async function ask({ url }: Served, path: string, { method = "GET", body, headers = {} }: Asked = {}): Promise<Got> {
  const text = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
  const response = await fetch(`${url}/v1/workflows${path}`, { method, headers, ...text });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Got["body"] };
}

const post = (served: Served, body: unknown, headers: Record<string, string> = {}): Promise<Got> =>
  ask(served, "", { method: "POST", body, headers });

async function events({ url }: Served, path: string, lastId?: string): Promise<string[]> {
  const headers = lastId === undefined ? {} : { "last-event-id": lastId };
  const response = await fetch(`${url}/v1/workflows${path}`, { headers });
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  const blocks = (await response.text()).split("\n\n").filter((block) => block.startsWith("id:"));
  return blocks.map((block) =>
    block
      .split("\n")
      .slice(0, 2)
      .join(" ")
      .replaceAll(/id: |event: /g, ""),
  );
}

const all = ["1 workflow-start", "2 stage-ready", "3 stage-start", "4 stage-end", "5 workflow-end"];

test("a workflow is submitted, followed and looked at", async () => {
  await using served = await serve(world(echo).options);
  const { status, headers, body } = await post(served, one);
  expect([status, headers.get("location")]).toEqual([201, "/v1/workflows/run-1"]);
  expect(body).toMatchObject({ object: "workflow", id: "run-1", name: "one", status: "running", createdMs: 1000 });
  expect(await events(served, "/run-1/events")).toEqual(all);
  const shown = await ask(served, "/run-1");
  expect(shown.body).toMatchObject({ status: "succeeded", outputs: { a: "<hello>" }, usage: { promptTokens: 10 } });
  expect(shown.body["stages"]).toEqual([
    {
      id: "a",
      kind: "llm",
      status: "ended",
      itemsDone: 1,
      retried: 0,
      engines: ["e0"],
      text: "<hello>",
      startedMs: 1000,
      endedMs: 1000,
      usage: { promptTokens: 10, outputTokens: 7, cachedTokens: 3 },
    },
  ]);
  expect((await ask(served, "?limit=1")).body).toMatchObject({
    object: "list",
    data: [{ id: "run-1" }],
    hasMore: false,
  });
});

test("a client goes on after the last event that it has, by header or by query", async () => {
  await using served = await serve(world(echo).options);
  await post(served, one);
  await events(served, "/run-1/events");
  expect(await events(served, "/run-1/events", "3")).toEqual(all.slice(3));
  expect(await events(served, "/run-1/events?after=4")).toEqual(all.slice(4));
  expect(await events(served, "/run-1/events", "nonsense")).toEqual(all);
});

test("a workflow that compares its inputs for too long is refused", async () => {
  await using served = await serve(world(echo).options);
  const prompt = "{{ inputs.list contains -1 }}".repeat(101);
  const list = Array.from({ length: 100_000 }, (_, index) => index);
  const stages = [{ id: "a", kind: "llm", model: "big", prompt }];
  const answer = await post(served, JSON.stringify({ inputs: { list }, stages }));
  expect(answer.status).toBe(400);
  expect(answer.body["error"]).toMatchObject({ code: "invalid_workflow", param: "stages[0].prompt" });
});

test("YAML beyond what people write is refused", async () => {
  await using served = await serve(world(echo).options);
  const answer = await post(served, `# ${"x".repeat(100_000)}`, { "content-type": "application/yaml" });
  expect(answer.status).toBe(400);
  const message = "workflow.yaml: found 100002 characters of YAML, expected at most 100000, or JSON";
  expect(answer.body["error"]).toMatchObject({ code: "invalid_workflow", message });
});

test("an alias is called by the model's own name, and YAML is taken as well", async () => {
  const made = world(echo);
  await using served = await serve(made.options);
  const yaml = "stages:\n  - { id: a, kind: llm, model: tiny, prompt: hello }\n";
  expect((await post(served, yaml, { "content-type": "application/yaml" })).status).toBe(201);
  await events(served, "/run-1/events");
  expect(made.caller.calls.map(({ model }) => model)).toEqual(["small"]);
});

test("one key gives one run, and another workflow under it is refused", async () => {
  await using served = await serve(world(echo).options);
  const key = { "idempotency-key": "k1" };
  const both = await Promise.all([post(served, one, key), post(served, one, key)]);
  expect(both.map(({ status }) => status).toSorted((left, right) => left - right)).toEqual([200, 201]);
  expect(both.map(({ body }) => body["id"])[0]).toBe(both[1]?.body["id"]);
  const other = await post(served, { ...one, name: "other" }, key);
  expect([other.status, other.body["error"]]).toMatchObject([409, { code: "idempotency_key_reused" }]);
  const elsewhere = await post(served, one, { ...key, authorization: "Bearer u" });
  expect(elsewhere.status).toBe(201);
  expect((await post(served, one, { "idempotency-key": "a b" })).status).toBe(400);
});

test.each([
  ["under way", forever],
  ["over", echo],
])("other tenants' workflows that are %s are not there", async (_, reply) => {
  await using served = await serve(world(reply).options);
  await post(served, one);
  if (reply === echo) await events(served, "/run-1/events");
  const headers = { authorization: "Bearer u" };
  for (const [path, method] of [
    ["/run-1"],
    ["/run-1/events"],
    ["/run-1", "DELETE"],
    ["/run-1/cancel", "POST"],
  ] as const) {
    const { status, body } = await ask(served, path, { method: method ?? "GET", headers });
    expect([status, body["error"]]).toMatchObject([404, { code: "workflow_not_found" }]);
  }
  expect((await ask(served, "", { headers })).body["data"]).toEqual([]);
});

test.each(["DELETE /run-1", "POST /run-1/cancel"])("%s cancels, and a second time changes nothing", async (asked) => {
  const [method = "", path = ""] = asked.split(" ");
  const made = world(forever);
  await using served = await serve(made.options);
  await post(served, one);
  for (const _ of [1, 2]) {
    const { status, body } = await ask(served, path, { method });
    expect([status, body]).toMatchObject([200, { status: "cancelled", stages: [{ status: "cancelled" }] }]);
  }
  expect(made.driver.told.at(-1)).toBe("cancel");
  expect((await events(served, "/run-1/events")).at(-1)).toMatch(/workflow-end$/);
});

test("beyond the limit of open workflows a client is told to wait; a known key is still answered", async () => {
  await using served = await serve(world(forever).options);
  const key = { "idempotency-key": "k" };
  await post(served, one, key);
  for (let count = 1; count < 4; count++) expect((await post(served, one)).status).toBe(201);
  const { status, headers, body } = await post(served, one);
  expect([status, headers.get("retry-after"), body["error"]]).toMatchObject([429, "1", { code: "too_many_workflows" }]);
  expect((await post(served, one, key)).status).toBe(200);
});

test.each<[string, Asked & { readonly path?: string }, number, object]>([
  ["what is no workflow", { method: "POST", body: "{" }, 400, { code: "invalid_workflow", param: "line 1:2" }],
  [
    "an unknown model",
    { method: "POST", body: { stages: [{ ...one.stages[0], model: "tinny" }] } },
    400,
    { param: "stages[0].model", message: expect.stringContaining("did you mean tiny?") as string },
  ],
  [
    "an embedding model that is to write",
    { method: "POST", body: { stages: [{ ...one.stages[0], model: "embedder" }] } },
    400,
    { param: "stages[0].model", message: expect.stringContaining("which only embeds") as string },
  ],
  ["a limit that is none", { path: "?limit=0" }, 400, { code: "invalid_limit" }],
  ["an id that is none", { path: "/nope" }, 404, { code: "workflow_not_found" }],
  ["an address that is none", { path: "/a/b/c" }, 404, { code: "unknown_url" }],
  ["a verb that is none", { path: "/a/stages" }, 404, { code: "unknown_url" }],
  ["a method that is none", { method: "PUT", body: {} }, 405, { code: "method_not_allowed" }],
  ["events by another method", { path: "/a/events", method: "POST" }, 405, { code: "method_not_allowed" }],
])("%s is refused in OpenAI's shape", async (_, { path = "", ...asked }, status, error) => {
  await using served = await serve(world(echo).options);
  const got = await ask(served, path, asked);
  expect([got.status, got.body]).toMatchObject([status, { error: { type: "invalid_request_error", ...error } }]);
});
