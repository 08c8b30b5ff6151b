/** All policies by name. A new one is a file and a line here. */

import { atlas } from "./autellix/atlas.ts";
import { plas } from "./autellix/plas.ts";
import { createBatchMode } from "./batch-mode.ts";
import { createCollatedFifo } from "./collated-fifo.ts";
import { cpop } from "./cpop/cpop.ts";
import { createGreedyFinish } from "./greedy-finish.ts";
import { halo } from "./halo.ts";
import { heftOnline } from "./heft-online.ts";
import { heftState } from "./heft-state.ts";
import { heft } from "./heft/heft.ts";
import { helix } from "./helix/helix.ts";
import { kvflow } from "./kvflow/kvflow.ts";
import { leastLoaded } from "./least-loaded.ts";
import { modelAffinity } from "./model-affinity.ts";
import { mooncake } from "./mooncake.ts";
import { murakkab } from "./murakkab.ts";
import { nalar } from "./nalar.ts";
import { peft } from "./peft/peft.ts";
import type { PolicyEntry } from "./policy.ts";
import { powerOfTwo } from "./power-of-two.ts";
import { createPrefixAffinity, smgDefaults } from "./prefix-affinity.ts";
import { random } from "./random.ts";
import { roundRobin } from "./round-robin.ts";
import { sessionAffinity } from "./session-affinity.ts";

export const policies = {
  "round-robin": { plan: roundRobin, summary: "each stage on the next engine in turn" },
  random: { plan: random, summary: "each stage on an engine drawn at random" },
  "power-of-two": { plan: powerOfTwo, summary: "the less loaded of two engines drawn at random" },
  "least-loaded": { plan: leastLoaded, summary: "the engine with the fewest shares" },
  "model-affinity": { plan: modelAffinity, summary: "the least loaded engine that holds the model" },
  "greedy-finish": {
    plan: createGreedyFinish({ hold: true, mostShards: 1 }),
    summary: "the engine on which the stage ends first, held until that engine can begin",
  },
  "greedy-finish-sharded": {
    plan: createGreedyFinish({ hold: true, mostShards: 2 }),
    summary: "greedy-finish that may split a stage's items over two engines of a host",
  },
  "greedy-commit": {
    plan: createGreedyFinish({ hold: false, mostShards: 1 }),
    summary: "the engine on which the stage ends first, queued there at once",
  },
  heft: { plan: heft, summary: "each workflow planned on arrival by upward rank and insertion, then followed" },
  "heft-online": { plan: heftOnline, summary: "greedy-finish with the ready stages in order of upward rank" },
  plas: { plan: plas, summary: "the workflow with the least service first, long calls on its home engine" },
  atlas: { plan: atlas, summary: "the call with the least service behind it first, long calls on the home engine" },
  "collated-fifo": {
    plan: createCollatedFifo({ mostOvertakeUs: 60_000_000 }),
    summary: "first come, first served, but stages of a loaded model go before stages that would swap it out",
  },
  "session-affinity": {
    plan: sessionAffinity,
    summary: "each model of a workflow stays on the engine that it got first",
  },
  "prefix-affinity": {
    plan: createPrefixAffinity({ ...smgDefaults, balanceAbsThreshold: 4 }),
    summary: "the engine that has cached the most of the prompt, the least loaded if loads are uneven",
  },
  mooncake: { plan: mooncake, summary: "the engine with the earliest first token, cached prefixes counted" },
  kvflow: {
    plan: kvflow,
    summary: "greedy-finish that gives up what is needed last and loads what is needed next",
    whenIdle: true,
  },
  "min-min": {
    plan: createBatchMode({ first: "shortest" }),
    summary: "of the ready stages again and again the one that can end first, where it ends first",
  },
  "max-min": {
    plan: createBatchMode({ first: "longest" }),
    summary: "of the ready stages again and again the one that ends last at its best, where it ends first",
  },
  nalar: { plan: nalar, summary: "the stage with the shallowest graph behind it first, where it ends first" },
  "heft-state": {
    plan: heftState,
    summary: "heft-online with ranks that count loads where models are not held now",
  },
  peft: {
    plan: peft,
    summary: "earliest end plus the least that must follow it from that engine, by an optimistic cost table",
  },
  halo: { plan: halo, summary: "prompts that begin alike one after another, each stage where it ends first" },
  murakkab: { plan: murakkab, summary: "the cheapest kind of engine by profile that ends the stage soon enough" },
  cpop: {
    plan: cpop,
    summary: "the critical path of each workflow on one engine, the other stages where they end first",
  },
  helix: { plan: helix, summary: "engines divided among models by demand, calls dealt out by throughput" },
} as const satisfies Record<string, PolicyEntry>;
