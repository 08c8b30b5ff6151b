import { describe, expect, test } from "vitest";
import { findLibrary, missingLibrary } from "../../src/llama/load-library.ts";
import { replaySession, type StepResult } from "../../src/llama/replay-session.ts";
import { createSession, type SessionPlan } from "../../src/llama/session.ts";
import { startReal } from "./real-engine.ts";

const models = { planner: "a", explorer: "b", coder: "c" };
const plan: SessionPlan = { id: "s", seed: 1, models, rounds: 1, explorers: 2, turns: 2 };

test("a session is a graph whose steps come after their parents", () => {
  const { steps } = createSession(plan);
  expect(steps.map(({ id, model, parents }) => `${id} ${model} < ${parents.join(" ")}`)).toEqual([
    "plan-0 a < ",
    "explore-1-1-1 b < plan-0",
    "explore-1-1-2 b < explore-1-1-1",
    "explore-1-2-1 b < plan-0",
    "explore-1-2-2 b < explore-1-2-1",
    "code-1-1 c < explore-1-1-2 explore-1-2-2",
    "code-1-2 c < code-1-1",
    "plan-1 a < plan-0 code-1-2",
  ]);
  expect(steps.filter(({ final }) => final).map(({ id }) => id)).toEqual(["plan-1"]);
});

test("a seed decides all of it", () => {
  expect(createSession(plan)).toEqual(createSession(plan));
  expect(createSession({ ...plan, seed: 2 })).not.toEqual(createSession(plan));
});

if (findLibrary() === undefined) test.skip(missingLibrary, () => {});

describe.runIf(findLibrary() !== undefined)("replayed on a real engine", () => {
  const replay = async (maxResident: number): Promise<readonly StepResult[]> => {
    await using real = await startReal({ maxResident });
    const signal = AbortSignal.timeout(20_000);
    return await replaySession(createSession(plan), { url: real.engine.url, signal, nowMs: () => 0 });
  };
  const cachedIn = (results: readonly StepResult[], id: string): number =>
    results.find(({ step }) => step.id === id)?.cachedTokens ?? Number.NaN;

  test("runs whole wherever its models lie, but keeps less KV where they have to make room", async () => {
    const [together, apart] = [await replay(3), await replay(1)];
    const asked = createSession(plan).steps.map(({ answerTokens }) => answerTokens);
    expect(together.map(({ outputTokens }) => outputTokens)).toEqual(asked);
    expect(apart.map(({ outputTokens }) => outputTokens)).toEqual(asked);
    expect(cachedIn(together, "code-1-2")).toBeGreaterThan(0);
    expect(cachedIn(together, "plan-1")).toBeGreaterThan(0);
    expect(cachedIn(apart, "plan-1")).toBe(0);
  });

  test("a step that fails ends the replay with its reason", async () => {
    await using real = await startReal();
    const session = createSession({ ...plan, models: { ...models, coder: "nobody" } });
    const options = { url: real.engine.url, signal: AbortSignal.timeout(20_000), nowMs: () => 0 };
    await expect(replaySession(session, options)).rejects.toThrow(/step code-1-1: 404 .*no model of this name/);
  });
});
