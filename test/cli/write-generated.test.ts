import { expect, test } from "vitest";
import { writeGenerated } from "../../src/cli/write-generated.ts";
import { createTerminal } from "../../src/cli/terminal.ts";
import { generateWorkload } from "../../src/trace/generate/generate-workload.ts";
import { writeWorkload } from "../../src/trace/workload-file.ts";

const silent = { write: () => {} };
const terminal = createTerminal({
  stdout: silent,
  stderr: silent,
  env: {},
  signal: new AbortController().signal,
  nowMs: () => 0,
});

test.each([
  ["that fit into memory", 2 ** 20],
  ["that do not", 1000],
])("workflows %s are written as they are when all are held", async (_, mostCharacters) => {
  const options = { families: ["rag", "chat"], count: 6, seed: 3, ratePerSecond: 2 };
  const { workload, models } = generateWorkload(options);
  let text = "";
  const told = await writeGenerated(options, (line) => (text += line), terminal, mostCharacters);
  expect(text).toBe(writeWorkload(workload, models));
  expect(text.length).toBeGreaterThan(1000);
  expect(told).toEqual({ workflows: 6, stages: workload.workflows.flatMap(({ stages }) => stages).length });
});
