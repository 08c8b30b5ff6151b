/** What a gateway says as it starts, or fails to. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { parseConfig } from "../../src/gateway/config/parse-config.ts";
import { startGateway } from "../../src/gateway/start-gateway.ts";

const engine = `{ kind: openai, url: "http://127.0.0.1:9", models: [llama-3.2-1b]`;

test("one that fails to start says why, and nothing of a store that it closes therefore", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fate-start-"));
  const lines: string[] = [];
  const store = `store: { kind: sqlite, path: ${JSON.stringify(join(folder, "store.db"))} }`;
  const config = parseConfig(`engines: [${engine}, apiKeyEnv: KEY }]\nlisten: { port: 0 }\n${store}`, "test");
  const started = startGateway(config, { env: {}, write: (line) => void lines.push(line) });
  await expect(started).rejects.toThrow("engine openai: apiKeyEnv: found KEY not set");
  // What was still being read is over by then.
  await setImmediate();
  expect(lines.filter((line) => line.includes("warn"))).toEqual([]);
  rmSync(folder, { recursive: true });
});

test("headers that it cannot send for want of a variable are told", async () => {
  const lines: string[] = [];
  const headers = "headersFromEnv: { x-set: SET, authorization: TOKEN }";
  const config = parseConfig(
    `engines: [${engine} }]
listen: { port: 0 }
store: { kind: memory }
journal: { write: false }
declared: { tools: [{ name: search, url: "http://127.0.0.1:9/", ${headers} }] }
traces: { endpoint: "http://127.0.0.1:9/v1/traces", ${headers} }
log: { format: json }`,
    "test",
  );
  await using _ = await startGateway(config, { env: { SET: "1" }, write: (line) => void lines.push(line) });
  expect(lines.map((line) => JSON.parse(line)).filter(({ event }) => event === "variable-unset")).toMatchObject([
    { level: "warn", variable: "TOKEN", about: "tool search" },
    { level: "warn", variable: "TOKEN", about: "traces" },
  ]);
});

test("an engine that does not answer the first look is not told as up", async () => {
  const text = `engines: [${engine} }]\nlisten: { port: 0 }\nstore: { kind: memory }\njournal: { write: false }`;
  await using gateway = await startGateway(parseConfig(text, "test"), { env: {}, write: () => {} });
  expect(gateway.status().engines).toMatchObject([{ up: false, trouble: expect.stringContaining("no connection") }]);
});
