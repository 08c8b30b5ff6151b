/** Runs of engines that admit by step, with ranks that climb, shares that overtake, decode engines that are changed and roles that are switched: by luck. */

import type { Journal } from "../../src/journal/journal.ts";
import { canServe } from "../../src/cost/candidate.ts";
import type { Engine } from "../../src/model/cluster.ts";
import type { Decision, Place } from "../../src/model/decision.ts";
import { gigabytes } from "../../src/model/units.ts";
import type { PolicyEntry, View } from "../../src/policy/policy.ts";
import type { Rng } from "../../src/random/rng.ts";
import { runUnchecked } from "../support/build.ts";
import { placeWildly, tightWorkflows, wildCluster, wildWorkflows } from "./wild.ts";

/** Places with climbing ranks and leave to overtake. */
const wildAgent: PolicyEntry = {
  summary: "luck",
  whenIdle: true,
  plan: (view) => {
    const decisions: Decision[] = view.ready.map((stage) => {
      const decision = placeWildly(view, stage);
      return decision.kind === "place" ? withOrder(view.rng, decision) : decision;
    });
    if (view.rng.next() < 0.4) decisions.push(...redirectWildly(view));
    if (view.rng.next() < 0.05) decisions.unshift(...switchWildly(view));
    return { decisions };
  },
};

/** Anything that another engine is to decode, be it too late or not. */
function redirectWildly({ rng, cluster: engines, workflows }: View): Decision[] {
  const engine = engines.at(rng.below(engines.count));
  const shares = [...engine.queue, ...engine.running].filter(({ stage }) => workflows.has(stage.key));
  const share = shares[rng.below(Math.max(1, shares.length))];
  if (share?.phase !== "prefill") return [];
  const able = [...engines].filter(
    (other) => other !== engine && other.role !== "prefill" && canServe(share.stage, other),
  );
  const decodeEngine = able[rng.below(Math.max(1, able.length))]?.id;
  return decodeEngine === undefined ? [] : [{ kind: "redirect", stage: share.stage.key, decodeEngine }];
}

function switchWildly({ rng, cluster: engines }: View): Decision[] {
  const engine = engines.at(rng.below(engines.count));
  if (engine.role === "both") return [];
  return [{ kind: "switch-role", engine: engine.id, role: rng.next() < 0.5 ? "prefill" : "decode" }];
}

function withOrder(rng: Rng, place: Place): Place {
  const draw = rng.next();
  return {
    ...place,
    ...(rng.next() < 0.5 ? { climb: rng.below(4) } : {}),
    ...(draw < 0.4 ? { overtakes: "if-it-fits" } : draw < 0.7 ? { overtakes: "if-it-delays-none" } : {}),
  };
}

const byStep = {
  kind: "batched",
  maxSequences: 24,
  prefillTokens: 1500,
  chunkedPrefill: false,
  admission: "by-step",
} as const;
const inChunks = { ...byStep, prefillTokens: 700, chunkedPrefill: true, prefillUs: 30_000 } as const;
const inTime = { ...byStep, prefillTokens: 6000, prefillUs: 40_000 } as const;
const faults = {
  crashEveryUs: 20e6,
  crashForUs: 2e6,
  slowEveryUs: 8e6,
  slowForUs: 4e6,
  slowFactor: 2,
  lossChance: 0.05,
};
const tight = gigabytes(0.7);
const holdsTwo = { resident: ["llama-3.1-8b", "qwen3-32b-int4"], maxResident: 2, kvBytes: gigabytes(1.6) };

const pairs: readonly Partial<Engine>[] = [
  { role: "prefill", batching: inTime, kvBytes: gigabytes(1.2) },
  { role: "decode", batching: byStep, kvBytes: tight },
  { role: "prefill", batching: byStep, kvBytes: gigabytes(1.2) },
  { role: "decode", batching: byStep, kvBytes: tight },
];

export const wildAgentRuns: Readonly<Record<string, (seed: number, count?: number) => Journal>> = {
  "by-step": (seed, count = 30) =>
    runUnchecked({
      seed,
      policy: wildAgent,
      workflows: tightWorkflows(seed, count),
      cluster: wildCluster("h100 h100 a100", {
        engines: [
          { batching: inChunks, kvBytes: tight },
          { batching: byStep, kvBytes: tight },
          { batching: inTime, kvBytes: tight },
        ],
      }),
      faults: { ...faults, staleUs: 20_000 },
    }),
  "pairs by step": (seed, count = 30) =>
    runUnchecked({
      seed,
      policy: wildAgent,
      workflows: tightWorkflows(seed, count),
      cluster: wildCluster("h100 h100 a100 a100", { engines: pairs }),
      faults,
    }),
  "mixed by step": (seed, count = 30) =>
    runUnchecked({
      seed,
      policy: wildAgent,
      workflows: wildWorkflows(seed, count, 200_000),
      cluster: wildCluster("h100 h100 a100 a100", {
        engines: [
          { batching: inChunks },
          { role: "prefill", batching: inTime },
          { batching: byStep, kvBytes: gigabytes(1.6) },
        ],
      }),
      faults: { ...faults, staleUs: 30_000 },
    }),
  "mixing by step": (seed, count = 30) =>
    runUnchecked({
      seed,
      policy: wildAgent,
      workflows: wildWorkflows(seed, count, 200_000),
      cluster: wildCluster("h200 h200 a100", {
        engines: [
          { batching: { ...inChunks, mixesModels: true }, ...holdsTwo },
          { batching: { ...byStep, mixesModels: true }, ...holdsTwo },
          { batching: inTime },
        ],
      }),
      faults: { ...faults, staleUs: 30_000 },
    }),
};
