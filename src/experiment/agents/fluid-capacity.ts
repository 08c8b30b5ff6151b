/**
 * How fast a cluster could work off a workload if work were a fluid: every prompt in a full iteration, every sequence in a full
 * batch, each pool's work divided among its engines by their speed, each piece of text taken in once. The load of the benchmark
 * `agents` is in units of this. No bound: prompts that share an iteration unevenly can go a little faster.
 */

import type { CostModel, EngineCosts, ModelCosts } from "../../cost/cost-model.ts";
import { iterationUs } from "../../cost/roofline.ts";
import type { ModelId } from "../../model/model.ts";
import type { Work } from "./work.ts";

/** How long the cluster takes for `work`, all of it calls of `model`; infinite if it lacks a phase. */
export function fluidTimeUs(costs: CostModel, model: ModelId, work: Work): number {
  const engines = costs.engines.flatMap((engine) => {
    const held = engine.models.get(model);
    return held === undefined ? [] : [toPaces(engine, held, work)];
  });
  return 1 / balance(engines);
}

/** Parts of the work per microsecond, were the engine to do nothing else. */
type Paces = { readonly prefill: number; readonly decode: number; readonly role: "both" | "prefill" | "decode" };

function toPaces(costs: EngineCosts, held: ModelCosts, work: Work): Paces {
  const { role } = costs.engine;
  return {
    role,
    prefill: role === "decode" ? 0 : 1 / prefillAllUs(costs, held, work),
    decode: role === "prefill" ? 0 : 1 / decodeAllUs(costs, held, work),
  };
}

/** In full iterations of the average mixture; a prefill engine sends no faster than its network interface. */
function prefillAllUs({ engine, host }: EngineCosts, { rates, model }: ModelCosts, work: Work): number {
  const { batching, role } = engine;
  const budget = batching.kind === "batched" ? batching.prefillTokens : work.longestPromptTokens;
  const iterations = work.prefillTokens / budget;
  const us =
    iterations === 0
      ? 0
      : iterations *
        iterationUs(rates, {
          prefillTokens: budget,
          prefillPairs: work.prefillPairs / iterations,
          prefillSequences: work.prompts / iterations,
          sequences: 0,
          contextTokens: 0,
        });
  const sentUs = ((work.sentTokens * model.kvBytesPerToken) / host.nicBytesPerSecond) * 1e6;
  return role === "prefill" ? Math.max(us, sentUs) : us;
}

/** In batches of as many sequences of the average length as there are places and KV memory for. */
function decodeAllUs({ engine }: EngineCosts, { rates, kvCapacityTokens }: ModelCosts, work: Work): number {
  if (work.decodeTokens === 0) return 0;
  const meanTokens = work.contextTokens / work.decodeTokens;
  const sequences = Math.max(1, Math.min(engine.batching.maxSequences, Math.floor(kvCapacityTokens / meanTokens)));
  const batch = { prefillTokens: 0, prefillPairs: 0, prefillSequences: 0, sequences };
  return (work.decodeTokens / sequences) * iterationUs(rates, { ...batch, contextTokens: sequences * meanTokens });
}

/**
 * The largest pace at which both phases keep up. Engines that do both divide their time, those first that are better at prefill
 * than at decode: at the optimum all on one side of some engine prefill, all on the other decode, and that one may do both.
 */
function balance(engines: readonly Paces[]): number {
  let prefill = 0;
  let decode = 0;
  for (const each of engines) {
    if (each.role === "both") decode += each.decode;
    else {
      prefill += each.prefill;
      decode += each.decode;
    }
  }
  const flexible = engines
    .filter(({ role }) => role === "both")
    .sort((left, right) => right.prefill * left.decode - left.prefill * right.decode);
  for (const each of flexible) {
    if (prefill + each.prefill >= decode - each.decode) {
      // A part of the time that makes both equal; none if decode is short anyway.
      const part = Math.min(1, Math.max(0, (decode - prefill) / (each.prefill + each.decode)));
      return Math.min(prefill + part * each.prefill, decode - part * each.decode);
    }
    prefill += each.prefill;
    decode -= each.decode;
  }
  return Math.min(prefill, decode);
}
