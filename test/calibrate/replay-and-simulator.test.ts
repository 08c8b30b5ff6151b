import { expect, test } from "vitest";
import { replay } from "../../src/calibrate/replay.ts";
import { knownModels } from "../../src/catalogue/models.ts";
import { createCostModel } from "../../src/cost/cost-model.ts";
import { shippedCalibration } from "../../src/cost/shipped-calibration.ts";
import type { Workflow } from "../../src/model/workflow.ts";
import { batched, cluster, llm, run } from "../support/build.ts";

/**
 * The replay that the cost model is fitted with and the simulator's batched engine are two programs for one thing.
 * A client of the closed loop is an online workflow whose calls follow each other.
 */
function simulateLoop(clients: number, calls: number, promptTokens: number, outputTokens: number, kvTokens: number) {
  const machines = cluster("h100", {
    batching: { ...batched, maxSequences: clients },
    resident: ["llama-3.1-8b"],
    kvBytes: kvTokens * 131_072,
  });
  const workflows = Array.from({ length: clients }, (_, client): Workflow => {
    const stages = Array.from({ length: calls }, (__, call) =>
      llm(`call-${call}`, {
        parents: call === 0 ? [] : [{ stage: `call-${call - 1}`, bytes: 0 }],
        prompt: [{ kind: "own", tokens: promptTokens }],
        output: { estimate: outputTokens, actual: outputTokens, limit: 2 * outputTokens },
      }),
    );
    return { id: `client-${client}`, arrivalUs: 0, reveal: "online", stages };
  });
  const readyUs = new Map<string, number>();
  const firstUs = new Map<string, number>();
  let firstTokenUs = 0;
  let perTokenUs = 0;
  for (const event of run({ cluster: machines, workflows }).events) {
    if (event.kind === "stage-ready") readyUs.set(event.stage, event.atUs);
    if (event.kind === "prefill-end" && !firstUs.has(event.stage)) firstUs.set(event.stage, event.atUs);
    if (event.kind !== "stage-end") continue;
    firstTokenUs += (firstUs.get(event.stage) ?? Number.NaN) - (readyUs.get(event.stage) ?? Number.NaN);
    perTokenUs += (event.atUs - (firstUs.get(event.stage) ?? Number.NaN)) / (outputTokens - 1);
  }
  const count = clients * calls;
  const { rates } = createCostModel(machines, knownModels, shippedCalibration).engines[0]!.models.get("llama-3.1-8b")!;
  return { rates, firstTokenUs: firstTokenUs / count, perTokenUs: perTokenUs / count };
}

test.each([
  { clients: 8, prompt: 1024, output: 128, kvTokens: 100_000, within: 0.001 },
  { clients: 32, prompt: 4096, output: 256, kvTokens: 200_000, within: 0.001 },
  // Memory for about twenty of the calls at once: some wait, some are preempted.
  { clients: 32, prompt: 2048, output: 512, kvTokens: 48_000, within: 0.02 },
])("$clients clients, prompts of $prompt, answers of $output", ({ clients, prompt, output, kvTokens, within }) => {
  const simulated = simulateLoop(clients, 5, prompt, output, kvTokens);
  const replayed = replay(simulated.rates, {
    concurrency: clients,
    requests: 5 * clients,
    promptTokens: prompt,
    outputTokens: output,
    leastLengthShare: 1,
    iterationTokens: 2048,
    kvCapacityTokens: kvTokens,
    requestUs: 0,
    seed: 1,
  });
  expect(Math.abs(simulated.firstTokenUs / replayed.firstTokenUs - 1)).toBeLessThan(within);
  expect(Math.abs(simulated.perTokenUs / replayed.perTokenUs - 1)).toBeLessThan(within);
});
