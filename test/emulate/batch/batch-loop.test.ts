import fc from "fast-check";
import { expect, test } from "vitest";
import { knownModels } from "../../../src/catalogue/models.ts";
import { createCostModel, type EngineCosts } from "../../../src/cost/cost-model.ts";
import { decodeUs } from "../../../src/cost/decode.ts";
import { prefillUs } from "../../../src/cost/prefill.ts";
import { BatchLoop } from "../../../src/emulate/batch/batch-loop.ts";
import type { Task, TaskTimes } from "../../../src/emulate/batch/task.ts";
import { countBatch } from "../../../src/emulate/batch/count-batch.ts";
import { toPrompt } from "../../../src/emulate/text/tokens.ts";
import type { Engine } from "../../../src/model/cluster.ts";
import { createRng } from "../../../src/random/rng.ts";
import { drawInteger, drawOne } from "../../../src/random/distributions.ts";
import { batched, cluster, llm, run } from "../../support/build.ts";
import { plainCalibration } from "../../support/plain-calibration.ts";

type Job = {
  readonly prompt: string;
  readonly outputTokens: number;
  readonly model?: string;
  readonly sequences?: number;
};

function world(change: Partial<Engine> = {}): { readonly loop: BatchLoop; readonly costs: EngineCosts } {
  const machines = cluster("h100", { batching: batched, resident: ["llama-3.1-8b"], ...change });
  const costs = createCostModel(machines, knownModels, plainCalibration).engines[0]!;
  const { resident } = costs.engine;
  return { costs, loop: new BatchLoop({ costs, resident, prefillTokens: 2048, slowFactor: () => 1 }) };
}

type Outcome = { times?: TaskTimes; failed?: string; readonly heard: number[]; readonly task: Task };

function submit({ loop, costs }: ReturnType<typeof world>, job: Job, change: Partial<Task> = {}): Outcome {
  const held = costs.models.get(job.model ?? "llama-3.1-8b")!;
  const task: Task = {
    costs: held,
    prompt: toPrompt(job.prompt, 16),
    sequences: job.sequences ?? 1,
    outputTokens: job.outputTokens,
    phase: "whole",
    streams: false,
    onTokens: (written) => outcome.heard.push(written),
    onEnd: (times) => (outcome.times = times),
    onFail: (reason) => (outcome.failed = reason),
    ...change,
  };
  const outcome: Outcome = { heard: [], task };
  loop.submit(task);
  return outcome;
}

/** A prompt of so many tokens that begins like no other. */
const text = (tokens: number, name = "a"): string => name.repeat(4 * tokens).slice(0, 4 * tokens);

test("alone, a call takes what the cost model says", () => {
  const here = world();
  const { rates } = here.costs.models.get("llama-3.1-8b")!;
  const call = submit(here, { prompt: text(1000), outputTokens: 100 });
  expect(call.times).toBeUndefined();
  here.loop.advance(Infinity);
  const firstUs = prefillUs(rates, 1000, 0, 1);
  expect(call.times).toEqual({
    submitUs: 0,
    loadUs: 0,
    startUs: 0,
    firstTokenUs: firstUs,
    endUs: firstUs + decodeUs(rates, 1, 1000, 99),
    cachedTokens: 0,
  });
  expect(call.heard).toEqual([1, 100]);
});

test("the second of two equal prompts finds the whole blocks of the first, and computes at least one token", () => {
  const here = world();
  const { rates } = here.costs.models.get("llama-3.1-8b")!;
  submit(here, { prompt: text(160), outputTokens: 1 });
  here.loop.advance(Infinity);
  const again = submit(here, { prompt: text(160), outputTokens: 1 });
  here.loop.advance(Infinity);
  expect(again.times!.cachedTokens).toBe(159);
  expect(again.times!.endUs - again.times!.startUs).toBe(prefillUs(rates, 1, 159, 1));
});

test("a model that is not resident is loaded first, and the one it replaces is gone with its cache", () => {
  const here = world();
  const swap = here.costs.models.get("qwen3-8b")!;
  submit(here, { prompt: text(160), outputTokens: 1 });
  here.loop.advance(Infinity);
  const swapped = submit(here, { prompt: text(160), outputTokens: 1, model: "qwen3-8b" });
  here.loop.advance(Infinity);
  expect(swapped.times!.loadUs).toBe(swap.loadUs);
  expect(here.loop.weights.resident()).toEqual(["qwen3-8b"]);
  const back = submit(here, { prompt: text(160), outputTokens: 1 });
  here.loop.advance(Infinity);
  expect([back.times!.cachedTokens, here.loop.weights.counts()]).toEqual([0, { loads: 2, evictions: 2 }]);
});

test("who streams hears of every token that is due, who does not only of both ends", () => {
  const here = world();
  const { rates } = here.costs.models.get("llama-3.1-8b")!;
  const streamed = submit(here, { prompt: text(1000), outputTokens: 50 }, { streams: true });
  const firstUs = prefillUs(rates, 1000, 0, 1);
  const tenthUs = firstUs + decodeUs(rates, 1, 1000, 9);
  here.loop.advance(tenthUs - 1);
  here.loop.tell();
  expect(streamed.heard.at(-1)).toBe(9);
  expect(here.loop.nextTokenUs).toBe(tenthUs);
  here.loop.advance(tenthUs);
  here.loop.tell();
  expect(streamed.heard.at(-1)).toBe(10);
});

test("whoever leaves gives place and memory back", () => {
  const here = world({ batching: { ...batched, maxSequences: 1 } });
  const first = submit(here, { prompt: text(1000), outputTokens: 1000 }, { streams: true });
  const second = submit(here, { prompt: text(500, "b"), outputTokens: 10 });
  here.loop.advance(1_000_000);
  here.loop.cancel(first.task);
  expect([here.loop.counts.streams, here.loop.waiting.length]).toEqual([0, 0]);
  here.loop.advance(Infinity);
  expect(first.times ?? first.failed).toBeUndefined();
  expect(second.times!.startUs).toBe(1_000_000);
});

test("a load that is asked for waits for what is in use, and a call for the load", () => {
  const here = world();
  const running = submit(here, { prompt: text(1000), outputTokens: 100 });
  let loadedUs = -1;
  here.loop.load(here.costs.models.get("qwen3-8b")!, (loaded) => (loadedUs = loaded ? here.loop.nowUs : -2));
  here.loop.advance(Infinity);
  const swapUs = here.costs.models.get("qwen3-8b")!.loadUs;
  expect(loadedUs).toBe(running.times!.endUs + swapUs);
  expect(here.loop.unload("qwen3-8b")).toBe(true);
  expect(here.loop.weights.resident()).toEqual([]);
});

test("with room beside what runs, a load goes on at once", () => {
  const here = world({ maxResident: 2, kvBytes: 8e9 });
  submit(here, { prompt: text(1000), outputTokens: 1000 });
  let loadedUs = -1;
  here.loop.load(here.costs.models.get("qwen3-8b")!, () => (loadedUs = here.loop.nowUs));
  here.loop.advance(Infinity);
  expect(loadedUs).toBe(here.costs.models.get("qwen3-8b")!.loadUs);
});

test("what is in use is not unloaded, and an abort ends everything once", () => {
  const here = world();
  const running = submit(here, { prompt: text(1000), outputTokens: 100 }, { streams: true });
  const waiting = submit(here, { prompt: text(10, "b"), outputTokens: 1, model: "qwen3-8b" }, { streams: true });
  expect(here.loop.unload("llama-3.1-8b")).toBe(false);
  here.loop.abort("aborted");
  here.loop.advance(Infinity);
  expect([running.failed, waiting.failed, running.times, here.loop.counts.streams]).toEqual([
    "aborted",
    "aborted",
    undefined,
    0,
  ]);
});

test("who comes at the same instant goes in together", () => {
  const here = world();
  const { rates } = here.costs.models.get("llama-3.1-8b")!;
  const calls = ["a", "b", "c"].map((name) => submit(here, { prompt: text(100, name), outputTokens: 1 }));
  here.loop.advance(Infinity);
  expect(calls.map((call) => call.times!.endUs)).toEqual(calls.map(() => prefillUs(rates, 100, 0, 3)));
});

test("several answers to one prompt share its KV and are written side by side", () => {
  const here = world();
  const { rates } = here.costs.models.get("llama-3.1-8b")!;
  const call = submit(here, { prompt: text(1000), outputTokens: 100, sequences: 4 });
  here.loop.advance(Infinity);
  expect(call.times!.endUs - call.times!.firstTokenUs).toBe(decodeUs(rates, 4, 1000, 99));
});

/** One stage a workflow, so that nothing but the engine decides when it ends, and nothing that could be cached. */
function compareWithSimulator(
  seed: number,
  change: Partial<Engine>,
  models: readonly string[],
): { preemptions: number } {
  const rng = createRng(seed);
  let atUs = 0;
  const jobs = Array.from({ length: 40 }, (_, index) => {
    atUs += drawInteger(rng, 1, 300_000);
    const tokens = drawInteger(rng, 1, 4000);
    return { atUs, tokens, outputTokens: drawInteger(rng, 1, 300), model: drawOne(rng, models), name: `${index} ` };
  });
  const here = world({ resident: [], ...change });
  const outcomes = jobs.map((job) => {
    here.loop.advance(job.atUs);
    const prompt = { ...toPrompt(text(job.tokens), 16), chain: [] };
    return submit(here, { prompt: "", outputTokens: job.outputTokens, model: job.model }, { prompt });
  });
  here.loop.advance(Infinity);
  const workflows = jobs.map(({ atUs: arrivalUs, tokens, outputTokens, model, name }) => {
    const output = { estimate: outputTokens, actual: outputTokens, limit: outputTokens };
    const stage = llm("s", { model, prompt: [{ kind: "own", tokens }], output });
    return { id: name.trim(), arrivalUs, reveal: "static" as const, stages: [stage] };
  });
  const machines = cluster("h100", { batching: batched, ...change });
  const journal = run({ cluster: machines, workflows, calibration: plainCalibration });
  const ends = new Map(
    journal.events.flatMap((event) => (event.kind === "stage-end" ? [[event.stage, event.atUs]] : [])),
  );
  expect(outcomes.map((outcome) => outcome.times!.endUs)).toEqual(jobs.map(({ name }) => ends.get(`${name.trim()}/s`)));
  return { preemptions: here.loop.counts.preemptions };
}

test.each([1, 2, 3])("ends every call when the simulator does: one model, seed %i", (seed) => {
  compareWithSimulator(seed, {}, ["llama-3.1-8b"]);
});

test("ends every call when the simulator does: models that swap", () => {
  compareWithSimulator(4, {}, ["llama-3.1-8b", "qwen3-8b"]);
});

test("ends every call when the simulator does: so little KV memory that calls give way", () => {
  const kvBytes = 6000 * knownModels.find(({ id }) => id === "llama-3.1-8b")!.kvBytesPerToken;
  expect(compareWithSimulator(5, { kvBytes }, ["llama-3.1-8b"]).preemptions).toBeGreaterThan(0);
});

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("submit" as const),
      tokens: fc.integer({ min: 1, max: 1500 }),
      outputTokens: fc.integer({ min: 0, max: 200 }),
      sequences: fc.integer({ min: 1, max: 3 }),
      model: fc.constantFrom("llama-3.1-8b", "qwen3-8b"),
      streams: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant("advance" as const), us: fc.integer({ min: 0, max: 500_000 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("cancel" as const), index: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("load" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("hold" as const), tokens: fc.integer({ min: 1, max: 2000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("unload" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("abort" as const) }) },
);

test("whatever comes, every call ends once, time goes on, and KV memory holds", () => {
  const kvBytes = 2400 * knownModels.find(({ id }) => id === "qwen3-8b")!.kvBytesPerToken;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const here = world({ kvBytes });
      const { loop, costs } = here;
      const outcomes: Outcome[] = [];
      const cancelled = new Set<Outcome>();
      const ends = new Map<Outcome, number>();
      const swap = costs.models.get("qwen3-8b")!;
      let lastUs = 0;
      for (const each of steps) {
        if (each.kind === "submit") {
          const outcome: Outcome = submit(
            here,
            { prompt: text(each.tokens, `${outcomes.length} `), ...each },
            {
              streams: each.streams,
              onEnd: () => ends.set(outcome, (ends.get(outcome) ?? 0) + 1),
              onFail: () => ends.set(outcome, (ends.get(outcome) ?? 0) + 1),
            },
          );
          outcomes.push(outcome);
        } else if (each.kind === "advance") loop.advance(loop.nowUs + each.us);
        else if (each.kind === "abort") loop.abort("aborted");
        else if (each.kind === "load") loop.load(swap, () => {});
        else if (each.kind === "unload") loop.unload("qwen3-8b");
        else if (each.kind === "hold") {
          const hold = { key: `${lastUs}`, model: "llama-3.1-8b", promptHash: 0, untilUs: lastUs + 1e6 };
          loop.kv.holds.add({ ...hold, tokens: each.tokens }, loop.nowUs);
        } else {
          const outcome = outcomes[each.index];
          if (outcome !== undefined && !ends.has(outcome)) {
            loop.cancel(outcome.task);
            cancelled.add(outcome);
          }
        }
        expect(loop.nowUs).toBeGreaterThanOrEqual(lastUs);
        lastUs = loop.nowUs;
        const capacity = loop.members[0]?.task.costs.kvCapacityTokens ?? Infinity;
        expect(countBatch(loop).kvTokens).toBeLessThanOrEqual(capacity);
        expect(countBatch(loop).running).toBeLessThanOrEqual(batched.maxSequences);
      }
      loop.advance(Infinity);
      for (const outcome of outcomes) expect(ends.get(outcome) ?? 0).toBe(cancelled.has(outcome) ? 0 : 1);
      expect([loop.members.length, loop.waiting.length, loop.counts.streams, loop.nextUs]).toEqual([0, 0, 0, Infinity]);
    }),
    { numRuns: 200 },
  );
});
