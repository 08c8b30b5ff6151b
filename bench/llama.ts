/**
 * Policies on real models: two engines of one place each, three tiny models, agent sessions replayed through the gateway.
 * Seconds are this machine's; what they show is the order of the policies, and how far corrected costs are from what happens.
 */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseConfig } from "../src/gateway/config/parse-config.ts";
import type { Config } from "../src/gateway/config/config.ts";
import { startGateway } from "../src/gateway/start-gateway.ts";
import { parseJournal } from "../src/journal/parse.ts";
import type { Journal } from "../src/journal/journal.ts";
import { replaySession, type StepResult } from "../src/llama/replay-session.ts";
import { createSession, type Session } from "../src/llama/session.ts";
import { shapes, toFigures } from "../src/llama/shape.ts";
import { writeGguf } from "../src/llama/write-gguf.ts";
import { measureAccuracy, type TermAccuracy } from "../src/measure/accuracy.ts";

const policies = ["fate", "round-robin", "collated-fifo"] as const;
const models = { planner: "large", explorer: "small", coder: "medium" } as const;
const seeds = [1, 2, 3, 4, 5];
const sessionsAtOnce = 4;
const longestMs = 120_000;

type Run = {
  readonly policy: string;
  readonly makespanMs: number;
  /** From a session's first call to its last answer. */
  readonly sessionMs: readonly number[];
  readonly loads: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly journal: Journal;
};

export async function benchLlama(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "fate-bench-llama-"));
  try {
    for (const [seed, name] of Object.keys(shapes).entries())
      writeGguf(join(folder, `${name}.gguf`), { name, seed, shape: shapes[name as keyof typeof shapes] });
    const runs: Run[] = [];
    // The first run warms caches and compilers up and counts for nobody.
    await runOnce(folder, "round-robin", 0);
    for (const seed of seeds) for (const policy of policies) runs.push(await runOnce(folder, policy, seed));
    process.stdout.write(render(runs));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function runOnce(folder: string, policy: string, seed: number): Promise<Run> {
  const path = join(folder, `${policy}-${seed}.ndjson`);
  const sessions = Array.from({ length: sessionsAtOnce }, (_, index): Session => {
    return createSession({
      id: `session-${index}`,
      seed: seed * 100 + index,
      models,
      rounds: 2,
      explorers: 3,
      turns: 2,
    });
  });
  const startMs = performance.now();
  const replayed = await replayAll(toConfig(folder, policy, seed, path), sessions);
  const steps = replayed.flat();
  const journal = parseJournal(readFileSync(path, "utf8"), path);
  return {
    policy,
    makespanMs: Math.max(...steps.map(({ endMs }) => endMs)) - Math.min(...steps.map(({ startMs: began }) => began)),
    sessionMs: replayed.map((session) => lastEnd(session) - (session[0]?.startMs ?? startMs)),
    loads: journal.events.filter(({ kind }) => kind === "model-load-end").length,
    promptTokens: sum(steps.map(({ promptTokens }) => promptTokens)),
    cachedTokens: sum(steps.map(({ cachedTokens }) => cachedTokens)),
    journal,
  };
}

async function replayAll(config: Config, sessions: readonly Session[]): Promise<readonly (readonly StepResult[])[]> {
  await using gateway = await startGateway(config);
  const options = { url: gateway.url, signal: AbortSignal.timeout(longestMs), nowMs: () => performance.now() };
  return await Promise.all(sessions.map((session) => replaySession(session, options)));
}

function lastEnd(steps: readonly StepResult[]): number {
  return Math.max(...steps.map(({ endMs }) => endMs));
}

function toConfig(folder: string, policy: string, seed: number, journal: string): Config {
  const names = Object.keys(shapes) as (keyof typeof shapes)[];
  const figures = names.map((name) => toFigures(name, shapes[name]));
  const document = {
    listen: { port: 0 },
    policy,
    seed,
    hosts: [{ id: "here", loadBytesPerSecond: 1e9, loadLatencyUs: 15_000 }],
    models: figures.map(({ id, weightBytes, activeParameters }) => {
      // A million is the least that a configuration takes; what is off is learnt.
      return {
        id,
        weightBytes,
        parameters: Math.max(1_000_000, activeParameters),
        contextTokens: 4096,
        outputTokens: 32,
      };
    }),
    engines: ["left", "right"].map((id) => ({
      id,
      kind: "llama",
      host: "here",
      gpu: "cpu",
      models: names,
      maxResident: 1,
      maxSequences: 1,
      files: Object.fromEntries(names.map((name) => [name, join(folder, `${name}.gguf`)])),
    })),
    // The cores belong to the models: a planning thread would wait for them longer than a plan takes.
    planning: { inPlaceStages: 64 },
    store: { kind: "memory" },
    journal: { path: journal },
    log: { level: "silent" },
  };
  return parseConfig(JSON.stringify(document), "bench", {});
}

function render(runs: readonly Run[]): string {
  const machine = `${cpus()[0]?.model ?? "unknown processor"}, ${availableParallelism()} threads`;
  const lines = [
    `# ${sessionsAtOnce} sessions at once on 2 real engines and 3 models, seeds ${seeds.join(" ")}, on ${machine}`,
    `${"policy".padEnd(14)} makespan s (median, least..most)   session s (mean)   loads   prompt tokens cached`,
  ];
  for (const policy of policies) {
    const own = runs.filter((run) => run.policy === policy);
    const spans = own.map(({ makespanMs }) => makespanMs / 1000).sort((left, right) => left - right);
    const sessions = own.flatMap(({ sessionMs }) => sessionMs);
    const cached = sum(own.map(({ cachedTokens }) => cachedTokens)) / sum(own.map(({ promptTokens }) => promptTokens));
    lines.push(
      [
        policy.padEnd(14),
        `${middle(spans).toFixed(2)} (${spans[0]?.toFixed(2)}..${spans.at(-1)?.toFixed(2)})`.padEnd(34),
        (sum(sessions) / sessions.length / 1000).toFixed(2).padEnd(18),
        (sum(own.map(({ loads }) => loads)) / own.length).toFixed(1).padEnd(7),
        `${(cached * 100).toFixed(1)}%`,
      ].join(" "),
    );
  }
  lines.push(
    "",
    "# modelled against observed durations, second half of each run: how many times too long or too short, median",
  );
  lines.push(`${"policy".padEnd(14)} ${"term".padEnd(8)} samples   as configured   corrected online`);
  for (const policy of policies)
    for (const row of mergeAccuracy(runs.filter((run) => run.policy === policy).map(({ journal }) => journal)))
      lines.push(
        `${policy.padEnd(14)} ${row.term.padEnd(8)} ${String(row.plain.length).padEnd(9)} ` +
          `${showOff(row.plain).padEnd(15)} ${showOff(row.corrected)}`,
      );
  return `${lines.join("\n")}\n`;
}

function mergeAccuracy(journals: readonly Journal[]): readonly TermAccuracy[] {
  const all = journals.flatMap(measureAccuracy);
  return (["load", "prefill", "decode"] as const).map((term) => {
    const own = all.filter((row) => row.term === term);
    return { term, plain: own.flatMap(({ plain }) => plain), corrected: own.flatMap(({ corrected }) => corrected) };
  });
}

function showOff(values: readonly number[]): string {
  return values.length === 0 ? "-" : `${middle([...values].sort((left, right) => left - right)).toFixed(2)} x`;
}

function middle(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
