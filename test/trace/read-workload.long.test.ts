import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { readWorkload } from "../../src/trace/read-workload.ts";

const data = "../shared/data";

test.skipIf(!existsSync(data)).each([
  ["wfinstances/wfinstances-compact.ndjson.gz", "wfinstances"],
  ["mooncake/conversation_trace.jsonl.gz", "mooncake"],
  ["dify/dify-dags.ndjson", "dify"],
  ["flowise/flowise-dags.ndjson", "flowise"],
  ["kv-cache-tester/claude-code-traces.lcp.ndjson.gz", "kv-cache-tester"],
  ["mini-swe-agent-gemini3pro/steps.ndjson.gz", "mini-swe-agent"],
  ["lmcache-agent-trace/miniswe.ndjson.gz", "lmcache"],
])("%s reads whole (needs ../shared/data)", (path, format) => {
  const found = readWorkload(`${data}/${path}`);
  expect(found.format).toBe(format);
  expect(found.workload.workflows.length).toBeGreaterThan(9);
});
