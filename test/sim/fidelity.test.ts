/** What batched engines are faithful to, as journals show it: experts, groups of GPUs, growing contexts, and networks that send one after another. */

import { expect, test } from "vitest";
import { namedCluster } from "../../src/catalogue/clusters.ts";
import { knownModels } from "../../src/catalogue/models.ts";
import { createCostModel } from "../../src/cost/cost-model.ts";
import { shippedCalibration } from "../../src/cost/shipped-calibration.ts";
import type { Journal } from "../../src/journal/journal.ts";
import type { Cluster } from "../../src/model/cluster.ts";
import type { BatchStep, KvTransferStart, PrefillStart } from "../../src/model/event.ts";
import type { Segment, Stage, Workflow } from "../../src/model/workflow.ts";
import { llm, run } from "../support/build.ts";

const named = (id: string): Cluster => namedCluster(id) as Cluster;
const only = (cluster: Cluster, ...ids: string[]): Cluster => ({
  ...cluster,
  engines: cluster.engines.filter(({ id }) => ids.includes(id)),
});
const homo = only(named("homo"), "prefill-h100-0", "decode-h100-0");
const output = { estimate: 200, actual: 200, limit: 400 };

function calls(model: string, count: number): Workflow[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `w${index}`,
    arrivalUs: 0,
    reveal: "static",
    stages: [llm("s", { model, output, prompt: [{ kind: "own", tokens: 100 }] })],
  }));
}

/** The mean time of an iteration while all of them decode. */
function iterationUs(cluster: Cluster, model: string, count: number): number {
  const { events } = run({ cluster, workflows: calls(model, count) });
  const steps = events.filter((event): event is BatchStep => event.kind === "batch-step" && event.sequences === count);
  const longest = steps.reduce((best, step) => (step.steps > best.steps ? step : best));
  return (longest.atUs - longest.startUs) / longest.steps;
}

test("a larger batch reads the weights of more experts, until it reads all; weights that all tokens share it reads once", () => {
  const experts = (count: number): number =>
    iterationUs(only(named("qhom"), "prefill-h100-0", "decode-h100-0"), "qwen3-235b-a22b", count);
  const dense = (count: number): number => iterationUs(homo, "llama-3.1-70b", count);
  const [one, eight, many, most] = [experts(1), experts(8), experts(64), experts(96)];
  expect(eight).toBeGreaterThan(one * 1.4);
  expect(many).toBeGreaterThan(eight * 1.4);
  expect((most - many) / many).toBeLessThan(0.15);
  expect(dense(8)).toBeLessThan(dense(1) * 1.1);
});

test("a group of four GPUs is faster than one of two, and not twice as fast: it exchanges what it has worked out", () => {
  const model = "llama-3.1-70b";
  const halved = {
    ...homo,
    engines: homo.engines.map((engine) => ({ ...engine, devices: engine.devices.slice(0, 2) })),
  };
  const speedup = iterationUs(halved, model, 4) / iterationUs(homo, model, 4);
  expect(speedup).toBeGreaterThan(1.5);
  expect(speedup).toBeLessThan(2);
});

/** Three turns, each of which reads all that was said before it. */
function conversation(): Workflow {
  const stages: Stage[] = [];
  const said: Segment[] = [{ kind: "text", key: "system", tokens: 500 }];
  for (const turn of ["one", "two", "three"]) {
    said.push({ kind: "text", key: `user-${turn}`, tokens: 100 });
    const parents = stages.slice(-1).map(({ id }) => ({ stage: id, bytes: 1000 }));
    stages.push(llm(turn, { model: "llama-3.1-70b", output, prompt: [...said], parents }));
    said.push({ kind: "output", stage: turn });
  }
  return { id: "w", arrivalUs: 0, reveal: "online", stages };
}

function found({ events }: Journal): number[][] {
  return events
    .filter((event): event is PrefillStart => event.kind === "prefill-start")
    .map(({ promptTokens, cachedTokens }) => [promptTokens, cachedTokens]);
}

test("a context that grows is found where it was taken in; what was written elsewhere is not", () => {
  // Of the second prompt the first is found, but not its answer of 200 tokens; of the third the second with that answer.
  expect(found(run({ cluster: homo, workflows: [conversation()] }))).toEqual([
    [600, 0],
    [900, 600],
    [1200, 900],
  ]);
  const both = only(named("both"), "h100-0");
  expect(found(run({ cluster: both, workflows: [conversation()] }))).toEqual([
    [600, 0],
    [900, 800],
    [1200, 1100],
  ]);
});

test("a prefill engine sends the KV of one prompt after another, and each waits for those before it", () => {
  const { events } = run({ cluster: homo, workflows: calls("llama-3.1-70b", 4) });
  const sent = events.filter((event): event is KvTransferStart => event.kind === "kv-transfer-start");
  const { durationUs } = sent[0] as KvTransferStart;
  expect(new Set(sent.map(({ atUs }) => atUs)).size).toBe(1);
  expect(sent.map(({ waitUs }) => waitUs)).toEqual([0, durationUs, 2 * durationUs, 3 * durationUs]);
});

test("the KV memory of a decode engine holds what its share says, and is set aside as it grows", () => {
  const costs = createCostModel(named("het3-kv"), knownModels, shippedCalibration);
  const tokens = costs.engine("decode-a100-0").models.get("llama-3.1-70b")?.kvCapacityTokens ?? 0;
  const long = { estimate: 400, actual: 400, limit: 500 };
  const prompt = [{ kind: "own", tokens: 2000 }] as const;
  const count = Math.ceil(tokens / 2100);
  const workflows = calls("llama-3.1-70b", count).map((workflow) => ({
    ...workflow,
    stages: [llm("s", { model: "llama-3.1-70b", output: long, prompt })],
  }));
  const journal = run({ cluster: only(named("het3-kv"), "prefill-h100-0", "decode-a100-0"), workflows });
  const decoding = journal.events.filter((event): event is BatchStep => event.kind === "batch-step");
  const most = Math.max(...decoding.map(({ sequences, contextTokens, steps }) => contextTokens + sequences * steps));
  expect(most).toBeLessThanOrEqual(tokens);
  expect(most).toBeGreaterThan(tokens * 0.9);
});
