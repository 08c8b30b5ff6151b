/** All policies by name, and then their variants by suffix. A new one is a file and a line here. */

import { agentPolicies } from "./agents/entries.ts";
import { createAtlas } from "./autellix/atlas.ts";
import { placements } from "./autellix/placements.ts";
import { createPlas } from "./autellix/plas.ts";
import { createBatchMode } from "./batch-mode.ts";
import { createCollatedFifo } from "./collated-fifo.ts";
import { createCpop } from "./cpop/cpop.ts";
import { fateAblations } from "./fate/ablations.ts";
import { createFate } from "./fate/fate.ts";
import { createLone } from "./fate/lone.ts";
import { combineBySearch } from "./fate/plan.ts";
import { fateDefaults, fateKeeping } from "./fate/settings.ts";
import { foresightPolicies } from "./foresight/ablations.ts";
import { createGreedyFinish } from "./greedy-finish.ts";
import { createHalo } from "./halo.ts";
import { createHeftOnline } from "./heft-online.ts";
import { createHeftState } from "./heft-state.ts";
import { heft } from "./heft/heft.ts";
import { helix, joinsIfOwn } from "./helix/helix.ts";
import { createKvflow } from "./kvflow/kvflow.ts";
import { leastLoaded } from "./least-loaded.ts";
import { modelAffinity } from "./model-affinity.ts";
import { createMooncake } from "./mooncake.ts";
import { createMurakkab } from "./murakkab.ts";
import { createNalar } from "./nalar.ts";
import { createPeft } from "./peft/peft.ts";
import type { PolicyEntry } from "./policy.ts";
import { powerOfTwo } from "./power-of-two.ts";
import { createPrefixAffinity } from "./prefix-affinity.ts";
import { random } from "./random.ts";
import { roundRobin } from "./round-robin.ts";
import { createSessionAffinity } from "./session-affinity.ts";
import { createShortestWork } from "./shortest-work.ts";
import { withSuffix } from "./suffix.ts";
import { withPrefetch } from "./with-prefetch.ts";
import { joinsIfHeld, withShards } from "./with-shards.ts";

const whole = { mostShards: 1 };
const inTwo = { mostShards: 2 };
const greedySharded = createGreedyFinish({ hold: true, ...inTwo });
// Swept, as docs/settings.md says.
const collation = { mostOvertakeUs: 1_000_000 };
const prefixAffinity = createPrefixAffinity({ cacheThreshold: 0, balanceAbsThreshold: 1, balanceRelThreshold: 2 });

const plain = {
  "round-robin": { plan: roundRobin, summary: "each stage on the next engine in turn" },
  random: { plan: random, summary: "each stage on an engine drawn at random" },
  "power-of-two": { plan: powerOfTwo, summary: "the less loaded of two engines drawn at random" },
  "least-loaded": { plan: leastLoaded, summary: "the engine with the fewest shares" },
  "model-affinity": { plan: modelAffinity, summary: "the least loaded engine that holds the model" },
  "greedy-finish": {
    plan: createGreedyFinish({ hold: true, ...whole }),
    summary: "the engine on which the stage ends first, held until that engine can begin",
  },
  "greedy-finish-sharded": {
    plan: greedySharded,
    summary: "greedy-finish that may split a stage's items over two engines of a host",
  },
  "greedy-commit": {
    plan: createGreedyFinish({ hold: false, ...whole }),
    summary: "the engine on which the stage ends first, queued there at once",
  },
  heft: { plan: heft, summary: "each workflow planned on arrival by upward rank and insertion, then followed" },
  "heft-online": {
    plan: createHeftOnline(whole),
    summary: "greedy-finish with the ready stages in order of upward rank",
  },
  plas: {
    plan: createPlas(placements.home),
    summary: "the workflow with the least service first, long calls on its home engine",
  },
  atlas: {
    plan: createAtlas(placements.home),
    summary: "the call with the least service behind it first, long calls on the home engine",
  },
  "collated-fifo": {
    plan: createCollatedFifo({ ...collation, ...whole }),
    summary: "first come, first served, but stages of a loaded model go before stages that would swap it out",
  },
  "session-affinity": {
    plan: createSessionAffinity(whole),
    summary: "each model of a workflow stays on the engine that it got first",
  },
  "prefix-affinity": {
    plan: prefixAffinity,
    summary: "the engine that has cached the most of the prompt, the least loaded if loads are uneven",
  },
  mooncake: {
    plan: createMooncake(whole),
    summary: "the engine with the earliest first token, cached prefixes counted",
  },
  kvflow: {
    plan: createKvflow(whole),
    summary: "greedy-finish that gives up what is needed last and loads what is needed next",
    whenIdle: true,
  },
  "min-min": {
    plan: createBatchMode({ first: "shortest", ...whole }),
    summary: "of the ready stages again and again the one that can end first, where it ends first",
  },
  "max-min": {
    plan: createBatchMode({ first: "longest", ...whole }),
    summary: "of the ready stages again and again the one that ends last at its best, where it ends first",
  },
  nalar: {
    plan: createNalar(whole),
    summary: "the oldest workflow first, in it the stage with the deepest graph behind it, where it ends first",
  },
  "heft-state": {
    plan: createHeftState(whole),
    summary: "heft-online with ranks that count loads where models are not held now",
  },
  peft: {
    plan: createPeft(whole),
    summary: "earliest end plus the least that must follow it from that engine, by an optimistic cost table",
  },
  halo: {
    plan: createHalo(whole),
    summary: "prompts that begin alike one after another, each stage where it ends first",
  },
  murakkab: {
    plan: createMurakkab(whole),
    summary: "the cheapest kind of engine by profile that ends the stage soon enough",
  },
  cpop: {
    plan: createCpop(whole),
    summary: "the critical path of each workflow on one engine, the other stages where they end first",
  },
  helix: { plan: helix, summary: "engines divided among models by demand, calls dealt out by throughput" },
  fate: {
    plan: createFate(fateDefaults),
    quick: createFate(fateDefaults, combineBySearch),
    lone: createLone(fateDefaults),
    summary: "ready and coming stages planned together, by the state that each placement leaves behind",
    whenIdle: true,
  },
} as const satisfies Record<string, PolicyEntry>;

/** Not of those that leave to luck where a stage goes. */
const sharded = withSuffix("+shards", plain, {
  "round-robin": withShards(roundRobin),
  "least-loaded": withShards(leastLoaded),
  "model-affinity": withShards(modelAffinity, joinsIfHeld),
  "greedy-commit": createGreedyFinish({ hold: false, ...inTwo }),
  heft: withShards(heft),
  "heft-online": createHeftOnline(inTwo),
  plas: createPlas(placements["home in shards"]),
  atlas: createAtlas(placements["home in shards"]),
  "collated-fifo": createCollatedFifo({ ...collation, ...inTwo }),
  "session-affinity": createSessionAffinity(inTwo),
  "prefix-affinity": withShards(prefixAffinity, joinsIfHeld),
  mooncake: createMooncake(inTwo),
  kvflow: createKvflow(inTwo),
  "min-min": createBatchMode({ first: "shortest", ...inTwo }),
  "max-min": createBatchMode({ first: "longest", ...inTwo }),
  nalar: createNalar(inTwo),
  "heft-state": createHeftState(inTwo),
  peft: createPeft(inTwo),
  halo: createHalo(inTwo),
  murakkab: createMurakkab(inTwo),
  cpop: createCpop(inTwo),
  helix: withShards(helix, joinsIfOwn),
});

const orderedBy = (placement: keyof typeof placements) => ({
  plas: createPlas(placements[placement]),
  atlas: createAtlas(placements[placement]),
});

const placed = {
  ...withSuffix("@projected", plain, orderedBy("projected")),
  ...withSuffix("@least-loaded", plain, orderedBy("least-loaded")),
  ...withSuffix("@round-robin", plain, orderedBy("round-robin")),
};

const beyondTheSource = {
  ...withSuffix("+prefetch", plain, { "greedy-finish-sharded": withPrefetch(greedySharded) }, { whenIdle: true }),
  ...withSuffix(
    "+keep",
    plain,
    { fate: createFate(fateKeeping) },
    { quick: createFate(fateKeeping, combineBySearch), lone: createLone(fateKeeping) },
  ),
  ...withSuffix("+srw", plain, { "greedy-finish-sharded": createShortestWork(inTwo) }),
};

export const policies = {
  ...plain,
  ...sharded,
  ...placed,
  ...beyondTheSource,
  ...foresightPolicies,
  ...agentPolicies,
  ...fateAblations,
};

/** The policy of this name. */
export function policyNamed(name: string): PolicyEntry | undefined {
  return Object.hasOwn(policies, name) ? (policies as Readonly<Record<string, PolicyEntry>>)[name] : undefined;
}
