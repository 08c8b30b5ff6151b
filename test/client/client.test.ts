import { expect, test } from "vitest";
import { createClient, FateError, type RunEvent, type Wait, type WorkflowDefinition } from "../../src/client/client.ts";
import { serve } from "../gateway/declared/serve.ts";
import { world, type Reply } from "../gateway/declared/support.ts";

const echo = ({ text }: { readonly text: string }): Reply => `<${text}>`;
const definition: WorkflowDefinition = {
  inputs: { topic: null, tone: "dry" },
  stages: [
    { id: "a", kind: "llm", model: "big", prompt: "{{ inputs.tone }} {{ inputs.topic }}" },
    { id: "b", kind: "llm", model: "big", prompt: "{{ item }} of {{ stages.a.text }}", over: ["1", "2"] },
  ],
};

/** The error that must come. */
async function errorOf(promise: Promise<unknown>): Promise<FateError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof FateError) return error;
  throw new Error(`expected a FateError, got ${String(error)}`);
}

test("a workflow is run with inputs, and its events come as they happen", async () => {
  await using served = await serve(world(echo).options);
  const { workflows } = createClient({ baseUrl: `${served.url}/v1/` });
  const seen: string[] = [];
  const run = await workflows.run(definition, { inputs: { topic: "tea" }, onEvent: ({ kind }) => seen.push(kind) });
  expect(run.status).toBe("succeeded");
  expect(run.outputs).toEqual({ b: ["<1 of <dry tea>>", "<2 of <dry tea>>"] });
  expect([seen[0], seen.at(-1), seen.filter((kind) => kind === "item-end").length]).toEqual([
    "workflow-start",
    "workflow-end",
    2,
  ]);
  expect((await workflows.list({ limit: 5 })).data.map(({ id }) => id)).toEqual([run.id]);
  expect(await workflows.get(run.id)).toEqual(run);
});

test("a run that fails is told by its status, a workflow that is wrong by an error", async () => {
  await using served = await serve(world(() => 400).options);
  const { workflows } = createClient({ baseUrl: served.url });
  expect(await workflows.run(definition, { inputs: { topic: "tea" } })).toMatchObject({
    status: "failed",
    error: { code: "engine_rejected", stage: "a" },
  });
  const error = await errorOf(workflows.submit(definition));
  expect([error.status, error.code]).toEqual([400, "invalid_workflow"]);
  expect(error.message).toBe("workflow: inputs.topic: found null, expected a value: this input must be given");
  expect((await errorOf(workflows.get("nope"))).code).toBe("workflow_not_found");
});

test("one idempotency key gives one run", async () => {
  await using served = await serve(world(echo).options);
  const { workflows } = createClient({ baseUrl: served.url });
  const options = { inputs: { topic: "tea" }, idempotencyKey: "k" };
  expect((await workflows.submit(definition, options)).id).toBe((await workflows.submit(definition, options)).id);
});

test("with a key a run is submitted until the gateway answers, and told of each wait; without one once", async () => {
  await using served = await serve(world(echo).options);
  let calls = 0;
  const flaky: typeof fetch = async (url, init) => {
    calls += 1;
    if (calls === 1) throw new Error("no");
    return calls === 2 ? new Response("", { status: 503 }) : fetch(url, init);
  };
  const { workflows } = createClient({ baseUrl: served.url, fetch: flaky, retryWaitMs: 0 });
  const inputs = { topic: "tea" };
  const waits: string[] = [];
  const onWait = ({ tried, reason }: Wait): void => void waits.push(`${tried}: ${reason}`);
  const run = await workflows.run(definition, { inputs, idempotencyKey: "k", onWait });
  expect([run.status, waits]).toEqual([
    "succeeded",
    ["1: The gateway cannot be reached.", "2: The gateway answered 503."],
  ]);
  calls = 0;
  expect((await errorOf(workflows.run(definition, { inputs }))).code).toBe("unreachable");
  expect(calls).toBe(1);
});

test("an abort cancels the run", async () => {
  const made = world(() => new Promise<string>(() => {}));
  await using served = await serve(made.options);
  const { workflows } = createClient({ baseUrl: served.url });
  const abort = new AbortController();
  const running = workflows.run(definition, {
    inputs: { topic: "tea" },
    signal: abort.signal,
    onEvent: ({ kind }) => kind === "stage-start" && abort.abort(new Error("enough")),
  });
  await expect(running).rejects.toThrow("enough");
  expect((await workflows.get("run-1")).status).toBe("cancelled");
});

test("events go on where a broken stream broke, each of them once", async () => {
  const release = Promise.withResolvers<string>();
  await using served = await serve(world(({ text }) => (text.startsWith("dry") ? release.promise : "done")).options);
  const { workflows } = createClient({ baseUrl: served.url, retryWaitMs: 0 });
  const { id } = await workflows.submit(definition, { inputs: { topic: "tea" } });
  const seen: RunEvent[] = [];
  for await (const event of workflows.events(id)) {
    seen.push(event);
    if (event.kind !== "stage-start" || event.stage !== "a") continue;
    served.cutAll();
    release.resolve("free");
  }
  expect(seen.map(({ id: at }) => at)).toEqual(seen.map((_, index) => index + 1));
  expect(seen.at(-1)?.kind).toBe("workflow-end");
  const later: string[] = [];
  for await (const { kind } of workflows.events(id, { after: seen.length - 1 })) later.push(kind);
  expect(later).toEqual(["workflow-end"]);
});

test("a stream that breaks off again and again, or a gateway that is not there, is an error", async () => {
  let calls = 0;
  const empty: typeof fetch = async () => {
    calls += 1;
    return new Response("");
  };
  const client = createClient({ fetch: empty, retryWaitMs: 0 });
  expect((await errorOf(client.workflows.events("x").next())).code).toBe("events_cut");
  expect(calls).toBe(11);
  const unreachable = createClient({ fetch: async () => Promise.reject(new Error("no")) });
  expect(await errorOf(unreachable.workflows.get("x"))).toMatchObject({ status: 0, code: "unreachable" });
});

test("a stream that breaks after every event is followed to its end all the same", async () => {
  const asked: (string | null)[] = [];
  const oneAtATime: typeof fetch = async (_, init) => {
    const id = Number(new Headers(init?.headers).get("last-event-id")) + 1;
    asked.push(`${id}`);
    const event =
      id < 15
        ? { id, atMs: 0, kind: "stage-skip", stage: "s" }
        : { id, atMs: 0, kind: "workflow-end", status: "succeeded" };
    return new Response(`: still here\n\nid: ${id}\ndata: ${JSON.stringify(event)}\n\n`);
  };
  const { workflows } = createClient({ fetch: oneAtATime, retryWaitMs: 0 });
  const kinds: string[] = [];
  for await (const { kind } of workflows.events("x")) kinds.push(kind);
  expect([kinds.length, kinds.at(-1), asked.length]).toEqual([15, "workflow-end", 15]);
});

test("the key goes along, and an answer that is not the gateway's is an error too", async () => {
  const seen: (string | null)[] = [];
  const proxy: typeof fetch = async (_, init) => {
    seen.push(new Headers(init?.headers).get("authorization"));
    return new Response("<html>", { status: 502 });
  };
  const client = createClient({ apiKey: "secret", fetch: proxy });
  expect(await errorOf(client.workflows.list())).toMatchObject({
    status: 502,
    code: "unknown",
    message: "The gateway answered 502.",
  });
  expect(seen).toEqual(["Bearer secret"]);
});

test("headers for calls of other clients", () => {
  const { headers } = createClient();
  expect(headers({ workflow: "w" })).toEqual({ "x-workflow-id": "w" });
  expect(headers({ workflow: "w", stage: "s", parents: ["a", "b"], deadlineMs: 5, final: true })).toEqual({
    "x-workflow-id": "w",
    "x-workflow-stage": "s",
    "x-workflow-parents": "a,b",
    "x-workflow-deadline-ms": "5",
    "x-workflow-final": "true",
  });
});
