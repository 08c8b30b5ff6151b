import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createClient, type WorkflowDefinition } from "../../../src/client/client.ts";
import { parseConfig } from "../../../src/gateway/config/parse-config.ts";
import { startGateway, type Gateway } from "../../../src/gateway/start-gateway.ts";

const model = "llama-3.2-1b";
const definition: WorkflowDefinition = {
  stages: [
    { id: "first", kind: "llm", model, prompt: "Begin.", maxTokens: 4 },
    { id: "look", kind: "tool", tool: "slow", query: { q: "{{ stages.first.text }}" } },
    { id: "last", kind: "llm", model, prompt: "{{ stages.look.text }}", maxTokens: 4 },
  ],
};

test("a gateway that begins again over its file goes on where the one before stopped", async () => {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "fate-restart-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const asked: ServerResponse[] = [];
  const keys: unknown[] = [];
  const tool = createServer(({ headers }, response) => {
    keys.push(headers["idempotency-key"]);
    asked.push(response);
    tool.emit("asked");
  });
  await new Promise<void>((resolve) => void tool.listen(0, "127.0.0.1", resolve));
  stack.defer(() => {
    tool.closeAllConnections();
    tool.close();
  });
  const start = (): Promise<Gateway> =>
    startGateway(
      parseConfig(
        `engines: [{ kind: emulated, gpu: l4-24g, models: [${model}], resident: [${model}], speed: 100000 }]
listen: { port: 0 }
log: { level: silent }
store: { kind: sqlite, path: ${JSON.stringify(join(folder, "store.db"))} }
declared: { tools: [{ name: slow, method: GET, url: "http://127.0.0.1:${(tool.address() as AddressInfo).port}" }] }`,
        "test",
        {},
      ),
      { env: {} },
    );
  const options = { idempotencyKey: "k" };

  const first = await start();
  const called = once(tool, "asked");
  const { id } = await createClient({ baseUrl: first.url }).workflows.submit(definition, options);
  await called;
  const before = await createClient({ baseUrl: first.url }).workflows.get(id);
  await first[Symbol.asyncDispose]();

  const calledAgain = once(tool, "asked");
  await using second = await start();
  const { workflows } = createClient({ baseUrl: second.url });
  expect((await workflows.submit(definition, options)).id).toBe(id);
  await calledAgain;
  asked.at(-1)?.end("found");
  const kinds: string[] = [];
  for await (const { kind } of workflows.events(id)) kinds.push(kind);
  expect([kinds[0], kinds.at(-1)]).toEqual(["workflow-snapshot", "workflow-end"]);
  const after = await workflows.get(id);
  expect(after.status).toBe("succeeded");
  expect(after.stages[0]).toEqual(before.stages[0]);
  expect(after.stages.map(({ retried }) => retried)).toEqual([0, 1, 0]);
  // By its key the tool can tell that it is the same call once more.
  expect(keys).toEqual([`${id}/look`, `${id}/look`]);
});
