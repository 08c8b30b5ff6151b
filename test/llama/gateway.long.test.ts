/** Real loads, real KV: two engines of one place, three models, an agent session through the gateway. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { check } from "../../src/check/check.ts";
import { parseConfig } from "../../src/gateway/config/parse-config.ts";
import { startGateway } from "../../src/gateway/start-gateway.ts";
import { parseJournal } from "../../src/journal/parse.ts";
import type { Journal } from "../../src/journal/journal.ts";
import { findLibrary, missingLibrary } from "../../src/llama/load-library.ts";
import { replaySession, type StepResult } from "../../src/llama/replay-session.ts";
import { createSession } from "../../src/llama/session.ts";
import { shapes, toFigures } from "../../src/llama/shape.ts";
import { writeGguf } from "../../src/llama/write-gguf.ts";
import { measureAccuracy } from "../../src/measure/accuracy.ts";

const folder = mkdtempSync(join(tmpdir(), "fate-llama-"));
const names = Object.keys(shapes) as (keyof typeof shapes)[];
const pathOf = (name: string): string => join(folder, `${name}.gguf`);
afterAll(() => rmSync(folder, { recursive: true }));

const models = { planner: "large", explorer: "small", coder: "medium" };
const session = createSession({ id: "s", seed: 7, models, rounds: 2, explorers: 2, turns: 2 });

type Replayed = { readonly steps: readonly StepResult[]; readonly journal: Journal };

async function replay(policy: string): Promise<Replayed> {
  const journal = join(folder, `${policy}.ndjson`);
  const engine = {
    kind: "llama",
    gpu: "cpu",
    host: "here",
    models: names,
    maxSequences: 1,
    files: Object.fromEntries(names.map((name) => [name, pathOf(name)])),
  };
  const config = {
    listen: { port: 0 },
    policy,
    hosts: [{ id: "here", loadBytesPerSecond: 1e9, loadLatencyUs: 15_000 }],
    models: names.map((id) => ({
      id,
      parameters: 1_000_000,
      weightBytes: toFigures(id, shapes[id]).weightBytes,
      contextTokens: 4096,
    })),
    engines: ["left", "right"].map((id) => ({ id, ...engine })),
    planning: { inPlaceStages: 64 },
    store: { kind: "memory" },
    journal: { path: journal },
    log: { level: "silent" },
  };
  const signal = AbortSignal.timeout(20_000);
  const steps = await (async () => {
    await using gateway = await startGateway(parseConfig(JSON.stringify(config), "test", {}));
    const replayed = await replaySession(session, { url: gateway.url, signal, nowMs: () => 0 });
    await gateway.drain(signal);
    return replayed;
  })();
  return { steps, journal: parseJournal(readFileSync(journal, "utf8"), journal) };
}

if (findLibrary() === undefined) test.skip(missingLibrary, () => {});

describe.runIf(findLibrary() !== undefined)("a session through the gateway on real models", () => {
  beforeAll(() => {
    for (const [seed, name] of names.entries()) writeGguf(pathOf(name), { name, seed, shape: shapes[name] });
  });

  test.each(["round-robin", "collated-fifo", "fate"])("%s: all steps are answered, all laws hold", async (policy) => {
    const { steps, journal } = await replay(policy);
    expect(steps.filter(({ outputTokens }) => outputTokens > 0)).toHaveLength(session.steps.length);
    expect(check(journal)).toEqual([]);
    expect(journal.events.some(({ kind }) => kind === "model-load-end")).toBe(true);
    expect(Math.max(...steps.map(({ cachedTokens }) => cachedTokens))).toBeGreaterThan(0);
    // What the cost model makes of it is a matter of this machine's speed; that it can be told is not.
    expect(measureAccuracy(journal).map(({ term, corrected }) => [term, corrected.length > 0])).toEqual([
      ["load", true],
      ["prefill", true],
      ["decode", true],
    ]);
  });
});
