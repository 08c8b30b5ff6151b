import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { replayWorkload } from "../../src/demo/replay-workload.ts";
import type { Segment, Stage, Workflow } from "../../src/model/workflow.ts";

/** A server that answers with the names of those whose answers it was shown. */
async function serve(statusOf: (stage: string) => number = () => 200) {
  const seen: { readonly headers: IncomingHttpHeaders; readonly body: Body; readonly path: string }[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      const { headers, url = "" } = request;
      seen.push({ headers, body: JSON.parse(text) as Body, path: url });
      const stage = String(headers["x-workflow-stage"]);
      const status = statusOf(stage);
      response.writeHead(status);
      const piece = (content: string): string => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`;
      const answer = url === "/v1/embeddings" ? "{}" : `${piece("answer of ")}${piece(stage)}data: [DONE]\n\n`;
      response.end(status === 200 ? answer : "no");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    seen,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type Body = {
  readonly model: string;
  readonly input?: string;
  readonly max_tokens?: number;
  readonly messages?: readonly { readonly content: string }[];
};

function call(id: string, parents: readonly string[], changes: Partial<Stage> = {}): Stage {
  const prompt: readonly Segment[] = [
    { kind: "text", key: "system", tokens: 2 },
    ...parents.map((stage) => ({ kind: "output", stage }) as const),
  ];
  return {
    id,
    kind: "llm",
    model: "small",
    parents: parents.map((stage) => ({ stage, bytes: 0 })),
    priority: 0,
    prompt,
    output: { estimate: 5, actual: 7, limit: 64 },
    items: 1,
    ...changes,
  } as Stage;
}

function tool(id: string, parents: readonly string[]): Stage {
  return {
    id,
    kind: "tool",
    parents: parents.map((stage) => ({ stage, bytes: 0 })),
    priority: 0,
    estimateUs: 1,
    actualUs: 1,
  };
}

function workflow(stages: readonly Stage[]): Workflow {
  return { id: "w", arrivalUs: 0, reveal: "online", class: "kind", stages };
}

const options = { speed: 1000, signal: new AbortController().signal };

test("a call is made when its parents have answered, names them past tools, and shows what they wrote", async () => {
  await using server = await serve();
  const stages = [call("plan", []), call("left", ["plan"]), tool("wait", ["plan"]), call("merge", ["left"])];
  const merge = stages[3] as Stage;
  const whole = workflow([
    ...stages.slice(0, 3),
    { ...merge, parents: [...merge.parents, { stage: "wait", bytes: 0 }] },
  ]);
  const replayed = await replayWorkload({ id: "test", workflows: [whole] }, { ...options, url: server.url });
  expect(replayed).toEqual({ calls: 3, failures: [] });
  expect(server.seen.map(({ headers }) => [headers["x-workflow-stage"], headers["x-workflow-parents"]])).toEqual([
    ["plan", ""],
    ["left", "plan"],
    ["merge", "left,plan"],
  ]);
  expect(server.seen[2]?.body.messages?.[1]?.content).toBe("answer of left");
  expect(server.seen.map(({ headers }) => headers["x-workflow-final"])).toEqual([undefined, undefined, "true"]);
  expect(server.seen[0]?.headers).toMatchObject({
    "x-workflow-id": "w",
    "x-workflow-class": "kind",
    "x-emulate-output-tokens": "7",
  });
  expect(server.seen[0]?.body.max_tokens).toBe(64);
});

test("an embedding goes where embeddings go", async () => {
  await using server = await serve();
  const stages = [call("embed", [], { kind: "embed", model: "embedder" })];
  await replayWorkload({ id: "test", workflows: [workflow(stages)] }, { ...options, url: server.url });
  expect(server.seen).toMatchObject([{ path: "/v1/embeddings", body: { model: "embedder" } }]);
  expect(server.seen[0]?.body.input).toHaveLength(8);
});

test("a branch that does not run is left out, with what only it leads to", async () => {
  await using server = await serve();
  const stages = [
    call("plan", []),
    call("maybe", ["plan"], { branch: { chance: 0.5, runs: false } }),
    call("after", ["maybe"]),
    call("merge", ["plan", "after"]),
  ];
  await replayWorkload({ id: "test", workflows: [workflow(stages)] }, { ...options, url: server.url });
  expect(server.seen.map(({ headers }) => headers["x-workflow-stage"])).toEqual(["plan", "merge"]);
});

test("the first call that fails ends its workflow, and no other", async () => {
  await using server = await serve((stage) => (stage === "bad" ? 503 : 200));
  const bad = { ...workflow([call("bad", []), call("next", ["bad"])]), id: "bad-one" };
  const good = workflow([call("first", []), call("next", ["first"])]);
  const ended: string[] = [];
  const replayed = await replayWorkload(
    { id: "test", workflows: [bad, good] },
    { ...options, url: server.url, onWorkflowEnd: ({ id }) => ended.push(id) },
  );
  expect(replayed.failures).toEqual(["bad-one: bad: answered 503: no"]);
  expect(ended.toSorted()).toEqual(["bad-one", "w"]);
  expect(server.seen.map(({ headers }) => String(headers["x-workflow-stage"])).toSorted()).toEqual([
    "bad",
    "first",
    "next",
  ]);
});

test("an abort ends it all", async () => {
  const stop = new AbortController();
  await using server = await serve(() => {
    stop.abort();
    return 200;
  });
  const stages = [call("first", []), call("next", ["first"])];
  const replay = replayWorkload(
    { id: "test", workflows: [workflow(stages)] },
    { ...options, url: server.url, signal: stop.signal },
  );
  await expect(replay).rejects.toThrow("abort");
});
