import { expect, test } from "vitest";
import { namedCluster } from "../../src/catalogue/clusters.ts";
import { knownModels } from "../../src/catalogue/models.ts";
import { shippedCalibration } from "../../src/cost/shipped-calibration.ts";
import { KvUseClock } from "../../src/measure/kv-use.ts";
import type { Cluster } from "../../src/model/cluster.ts";
import type { NewEvent } from "../../src/model/event.ts";
import { createHoldings } from "../../src/model/holding.ts";

const cluster = namedCluster("homo") as Cluster;
const models = knownModels.filter(({ id }) => id === "llama-3.1-70b");
const decoding = cluster.engines.filter(({ role }) => role === "decode").map(({ id }) => id);
const [first = "", second = ""] = decoding;
const capacity = createHoldings(cluster, models).at(-1)?.models.get("llama-3.1-70b")?.kvCapacityTokens ?? 0;

const share = (stage: string, engine = first) => ({ stage, share: 0, attempt: 0, engine });
const start = (stage: string, contextTokens: number, engine = first): NewEvent => ({
  kind: "decode-start",
  ...share(stage, engine),
  sequences: 1,
  waves: 1,
  contextTokens,
});
const steps = (startUs: number, count: number, sequences: number, engine = first): NewEvent => ({
  kind: "batch-step",
  engine,
  model: "llama-3.1-70b",
  startUs,
  steps: count,
  sequences,
  contextTokens: 0,
  prefillTokens: 0,
  prefillPairs: 0,
  prefillSequences: 0,
});
const end = (stage: string, engine = first): NewEvent => ({
  kind: "decode-end",
  ...share(stage, engine),
  outputTokens: 1,
});

function use(events: readonly (readonly [atUs: number, event: NewEvent])[]) {
  const header = { kind: "journal", version: 1, seed: 1, policy: "p", workload: "w", cluster, models } as const;
  const clock = new KvUseClock({ ...header, calibration: shippedCalibration });
  for (const [index, [atUs, event]] of events.entries()) clock.see({ ...event, atUs, sequence: index + 1 });
  return clock.end((engine) => decoding.includes(engine));
}

test("contexts grow by a token with each iteration until their sequences end", () => {
  const { meanShare, peakShare } = use([
    [0, start("a", 1000)],
    // 1000 to 1100 over 200 us, then beside it 500 to 600 over 300 us.
    [200, steps(0, 100, 1)],
    [200, start("b", 500)],
    [500, steps(200, 100, 2)],
    [500, end("a")],
    [600, end("b")],
    [1000, end("none")],
  ]);
  const area = 1050 * 200 + (1600 + 100) * 300 + 600 * 100;
  expect(peakShare).toBe(1800 / capacity);
  expect(meanShare).toBeCloseTo(area / 1000 / (8 * capacity), 15);
});

test("what is preempted or lost leaves, and each engine has a memory of its own", () => {
  const { peakShare } = use([
    [0, start("a", 1000)],
    [0, start("b", 400, second)],
    [1, { kind: "share-preempt", ...share("a"), kvTokens: 1000, outputTokens: 1 }],
    [2, start("c", 700)],
    [3, { kind: "stage-lost", stage: "c", attempt: 0, reason: "engine-down" }],
    [4, start("d", 900)],
    [5, end("b", second)],
  ]);
  expect(peakShare).toBe(1000 / capacity);
});
