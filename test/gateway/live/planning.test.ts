/** Crowded frontiers are planned by a thread of their own, and calls go on whatever becomes of it. */

import { expect, test, vi } from "vitest";
import { Worker } from "node:worker_threads";
import { knownModels } from "../../../src/catalogue/models.ts";
import { createCostModel } from "../../../src/cost/cost-model.ts";
import { Planner } from "../../../src/gateway/live/planner.ts";
import { createTime } from "../../../src/gateway/live/time.ts";
import { World } from "../../../src/gateway/live/world.ts";
import type { PolicyEntry } from "../../../src/policy/policy.ts";
import { createRng } from "../../../src/random/rng.ts";
import { plainCalibration } from "../../support/plain-calibration.ts";
import { engines, inRoles, Live, settle, type LiveChange } from "./world.ts";

const one = { kind: "batched", maxSequences: 1, prefillTokens: 2048, chunkedPrefill: true } as const;
const patient = { inPlaceStages: 1, debounceMs: 1, deadlineMs: 20_000 };

/** A driver whose engines are all taken, with a few calls that wait for the thread. */
function crowd(change: LiveChange = {}): Live {
  const live = new Live({ cluster: engines("h100 h100", { batching: one }), planning: patient, ...change });
  live.call();
  live.call();
  return live;
}

/** How long a thread takes to start is its own affair: the test's own limit is the bound. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await settle();
}

test("few stages are planned in place, a crowd by the thread", async () => {
  await using live = crowd();
  expect(live.planned.every((where) => where === "place")).toBe(true);
  const calls = [live.call(), live.call(), live.call()];
  const running = [...live.driver.world.state.cluster].flatMap((engine) =>
    engine.running.map(({ stage }) => stage.key),
  );
  for (const key of running) live.driver.drop(key, "client-gone");
  await until(() => calls.filter(({ turns }) => turns.length > 0).length === 2);
  expect(live.planned).toContain("thread");
  expect(live.planned).not.toContain("fallback");
  expect(live.faults).toEqual([]);
});

test("the thread follows what happens, with what was open and learnt before", async () => {
  await using live = crowd({ speedOf: () => 2 });
  const calls = Array.from({ length: 12 }, () => live.call());
  let ended = 0;
  while (ended < 14) {
    const keys = [...live.driver.world.state.cluster].flatMap((engine) => engine.running.map(({ stage }) => stage.key));
    if (keys.length === 0) {
      await settle();
      continue;
    }
    live.pass(100_000);
    for (const key of keys) live.driver.drop(key, "client-gone");
    ended += keys.length;
  }
  expect(calls.every(({ turns }) => turns.length === 1)).toBe(true);
  expect(live.planned.filter((where) => where === "thread").length).toBeGreaterThan(1);
  expect(live.faults).toEqual([]);
});

test("a plan that does not come in time is made by the earliest-finish rule, and the journal says so", async () => {
  await using live = new Live({
    cluster: engines("h100 h100"),
    planning: { ...patient, inPlaceStages: 0.5, deadlineMs: 0 },
  });
  const calls = [live.call(), live.call()];
  await until(() => live.planned.includes("fallback"));
  await until(() => calls.every(({ turns }) => turns.length === 1));
  expect(live.of("plan").map(({ note }) => note)).toContain("earliest finish: no plan within 0 ms");
  // What the thread says to it after all changes nothing.
  await until(() => live.driver.open() === 2);
});

test("a thread that owes a plan is asked for no other one meanwhile", async () => {
  await using live = new Live({
    cluster: engines("h100 h100"),
    planning: { ...patient, inPlaceStages: 0.5, deadlineMs: 0 },
  });
  live.call();
  await until(() => live.planned.length === 1);
  const second = live.call();
  await until(() => second.turns.length === 1);
  const notes = live.of("plan").map(({ note }) => note);
  expect(notes.every((note) => note?.startsWith("earliest finish: ") === true || note === undefined)).toBe(true);
});

test("a thread that dies is replaced, and what it was asked is planned in place", async () => {
  const posted = vi.spyOn(Worker.prototype, "postMessage");
  try {
    await using live = crowd();
    const calls = [live.call(), live.call(), live.call()];
    await until(() => posted.mock.calls.length > 0);
    const thread = posted.mock.contexts[0] as Worker;
    await thread.terminate();
    await until(() => live.faults.length > 0);
    expect(live.faults).toHaveLength(1);
    expect(live.faults[0]).toMatch(/^planner: the planning thread ended: exit code \d$/);
    const before = posted.mock.calls.length;
    for (const engine of live.driver.world.state.cluster)
      for (const { stage } of Array.from(engine.running)) live.driver.drop(stage.key, "client-gone");
    await until(() => calls.filter(({ turns }) => turns.length > 0).length === 2);
    expect(posted.mock.calls.length).toBeGreaterThan(before);
    expect(posted.mock.contexts.at(-1)).not.toBe(thread);
  } finally {
    posted.mockRestore();
  }
});

test("a policy that fails is replaced by the earliest-finish rule, and that is said", async () => {
  await using live = new Live({ policy: "greedy-finish" });
  const { world } = live.driver;
  // A cost model that cannot be asked makes any policy fail once.
  const costs = world.costs;
  let broken = true;
  Object.defineProperty(world, "costs", {
    get: () => {
      if (!broken) return costs;
      broken = false;
      return { ...costs, engines: undefined };
    },
  });
  const call = live.call();
  expect(call.turns).toHaveLength(1);
  expect(live.planned).toEqual(["fallback"]);
  expect(live.faults[0]).toMatch(/^planner: /);
  live.finish(call);
});

type Around = Partial<ConstructorParameters<typeof Planner>[1]>;

/** A planner with nothing around it, in a world whose clock stands if nobody moves it. */
function alone(
  policy: Pick<PolicyEntry, "plan" | "whenIdle">,
  around: Around = {},
  nowUs = () => 0,
): { planner: Planner; world: World } {
  const costs = createCostModel(engines("h100"), knownModels, plainCalibration);
  const world = new World(costs, { ...createTime(), nowUs });
  const planner = new Planner(world, {
    policyName: "",
    policy: { summary: "", ...policy },
    planning: { inPlaceStages: 0, debounceMs: 1, deadlineMs: 1000 },
    hardestWaitUs: 1000,
    rng: createRng(1, "policy"),
    snapshot: () => ({ header: "", lines: "", caches: [] }),
    follow: () => () => {},
    flush: () => {},
    carryOut: () => Infinity,
    carry: (what) => what(),
    begin: () => {},
    wake: () => {},
    foreseen: () => 0,
    unloadable: () => [],
    onPlanned: () => {},
    onFault: () => {},
    ...around,
  });
  return { planner, world };
}

test("plans in place leave the calls' thread nearly all of its time, however slow the policy", async () => {
  let nowUs = 0;
  const planned: string[] = [];
  const slow: PolicyEntry["plan"] = () => {
    nowUs += 9000;
    return { decisions: [], memory: undefined };
  };
  const { planner } = alone(
    { whenIdle: true, plan: slow },
    {
      policyName: "fate",
      planning: { inPlaceStages: 4, debounceMs: 1e6, deadlineMs: 1e6 },
      foreseen: () => 1,
      onPlanned: (where) => planned.push(where),
    },
    () => nowUs,
  );
  for (let event = 0; event < 1000; event++) {
    nowUs += 1000;
    planner.settle();
  }
  // Of a second and what the plans take themselves: a tenth, and twenty milliseconds ahead.
  expect(planned.length * 9000).toBeGreaterThan(0.09 * nowUs);
  expect(planned.length * 9000).toBeLessThan(0.1 * nowUs + 30_000);
  expect(new Set(planned)).toEqual(new Set(["place"]));
  await planner.close();
});

test("a policy that fails over what it remembers has forgotten it at the next question", () => {
  const planned: string[] = [];
  const plan: PolicyEntry["plan"] = ({ memory }) => {
    if (memory !== undefined) throw new Error("what is this?");
    return { decisions: [], memory: "cannot be read again" };
  };
  const around: Around = { foreseen: () => 1, onPlanned: (where) => planned.push(where) };
  const { planner } = alone({ whenIdle: true, plan }, around);
  for (let time = 0; time < 4; time++) planner.settle();
  expect(planned).toEqual(["place", "fallback", "place", "fallback"]);
});

test("where nothing is to be placed a policy that wants it is asked once all has been quiet for a while, and then only of news", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    let asked = 0;
    const plan = () => {
      asked += 1;
      return { decisions: [], memory: undefined };
    };
    const { planner, world } = alone({ whenIdle: true, plan });
    planner.settle();
    vi.advanceTimersByTime(60);
    planner.settle();
    vi.advanceTimersByTime(60);
    expect(asked).toBe(0);
    vi.advanceTimersByTime(60);
    expect(asked).toBe(1);
    planner.settle();
    vi.advanceTimersByTime(1000);
    expect(asked).toBe(1);
    world.emit({ kind: "workflow-arrive", workflow: "w", reveal: "online" });
    planner.settle();
    vi.advanceTimersByTime(1000);
    expect(asked).toBe(2);
    world.emit({ kind: "workflow-arrive", workflow: "v", reveal: "online" });
    planner.settle();
    await planner.close();
    planner.settle();
    vi.advanceTimersByTime(1000);
    expect(asked).toBe(2);
    const { planner: other } = alone({ plan });
    other.settle();
    vi.advanceTimersByTime(1000);
    expect(asked).toBe(2);
  } finally {
    vi.useRealTimers();
  }
});

test("a plan for a cluster that is another by then is not carried out, and calls go on", async () => {
  await using live = crowd({ policy: "fate" });
  const calls = [live.call(), live.call(), live.call()];
  const posted = vi.spyOn(Worker.prototype, "postMessage");
  try {
    await until(() => posted.mock.calls.some(([message]) => (message as { kind: string }).kind === "plan"));
  } finally {
    posted.mockRestore();
  }
  await live.reshape(engines("h100", { batching: one }), ["engine-0"]);
  await until(() => live.planned.includes("fallback"));
  expect(live.planned).not.toContain("thread");
  for (let time = 0; time < 5; time++) {
    await until(() => live.state("engine-0").running.length > 0);
    for (const { stage } of Array.from(live.state("engine-0").running)) live.driver.drop(stage.key, "client-gone");
  }
  expect(calls.every(({ turns }) => turns.length > 0)).toBe(true);
  expect(live.faults).toEqual([]);
});

test("another policy takes over from the next plan on; the same settings change nothing", async () => {
  await using live = crowd({ policy: "greedy-finish" });
  const queue = { maxWaiting: 1000, hardestWaitMs: 60_000, giveUpMs: 600_000 };
  live.driver.configure({ policy: "greedy-finish", queue, planning: patient });
  live.driver.configure({
    policy: "round-robin",
    queue: { ...queue, maxWaiting: 1 },
    planning: { ...patient, inPlaceStages: 0 },
  });
  const calls = [live.call(), live.call()];
  // Round robin puts the first at once where it is to go, and there it waits.
  expect(calls.map(({ heard }) => heard)).toEqual([[], ["refused: queue-full"]]);
  expect(() => live.driver.configure({ policy: "none", queue, planning: patient })).toThrow("no policy none");
  const running = [...live.driver.world.state.cluster].flatMap((engine) =>
    engine.running.map(({ stage }) => stage.key),
  );
  for (const key of running) live.driver.drop(key, "client-gone");
  expect(calls[0]?.turns).toHaveLength(1);
  live.driver.configure({ policy: "fate", queue, planning: patient });
});

test("closing leaves nothing behind that would keep the process up", async () => {
  const before = process.getActiveResourcesInfo();
  {
    await using live = crowd();
    live.call();
    live.call();
    const queue = { maxWaiting: 5, hardestWaitMs: 1, giveUpMs: 1000 };
    live.driver.configure({ policy: "fate", queue, planning: patient });
    await settle();
  }
  const left = process.getActiveResourcesInfo();
  for (const known of before) if (left.includes(known)) left.splice(left.indexOf(known), 1);
  expect(left).toEqual([]);
});

test("a plan in place has nothing that servers cannot be asked for, such as another role", async () => {
  const batching = { kind: "batched", maxSequences: 16, prefillTokens: 8192, chunkedPrefill: false } as const;
  const cluster = inRoles(engines("h100 h100 h100 h100", { batching }), "prefill", "decode", "decode", "decode");
  await using live = new Live({ policy: "hexagent+roles", cluster });
  // Prompts come faster than one engine takes them in, while three have nothing to decode.
  const calls = Array.from({ length: 60 }, () => {
    live.pass(20_000);
    return live.call({ promptTokens: 8000, outputTokens: 20 });
  });
  await settle();
  const plans = live.events.flatMap(({ kind }, index) => (kind === "plan" ? [live.events[index + 1]?.kind] : []));
  expect(plans.length).toBeGreaterThan(0);
  expect(plans.filter((next) => next !== "stage-place")).toEqual([]);
  for (const { key } of calls) live.driver.drop(key, "client-gone");
  for (const { key } of calls) live.driver.end(key.slice(0, key.indexOf("/")));
});
