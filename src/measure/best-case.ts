/**
 * How long a stage takes at best on a cluster: alone, with its model loaded and its inputs there. Two answers:
 * `standaloneUs`, what an idle cluster would deliver with nothing cached, for ratios; and terms that no run can undercut, for bounds.
 */

import type { CostModel, EngineCosts, ModelCosts } from "../cost/cost-model.ts";
import { decodeStepsUs } from "../cost/decode.ts";
import { shareDecodeUs, sharePrefillUs } from "../cost/phase.ts";
import { iterationUs, type Batch, type Rates } from "../cost/roofline.ts";
import { shardUs } from "../cost/shard.ts";
import { shareWork, sideBySide, type ShareWork } from "../cost/share-work.ts";
import { kvTransferUs } from "../cost/transfer.ts";
import { mixesModels } from "../model/cluster.ts";
import type { VisibleModelStage } from "../model/visible.ts";

export type BestCase = {
  /** Whole on the best engine, or on the best prefill and the best decode engine with the KV transfer between; nothing cached. */
  readonly standaloneUs: number;
  /** No placement and no cache ends the stage sooner after its start. */
  readonly leastUs: number;
  /** Engine time that the stage takes from the cluster at least, however it is batched and split. */
  readonly leastWorkUs: number;
};

/** Batches that can run at a time, each as fast as if alone: one an engine, or where models are mixed one for each it can hold at once. */
export function countBatches({ engines }: CostModel): number {
  let count = 0;
  for (const { engine, models } of engines)
    count += mixesModels(engine) ? Math.max(1, Math.min(engine.maxResident, models.size)) : 1;
  return count;
}

/** Engines that differ in nothing a duration depends on; one stands for all. */
type EngineClass = { readonly costs: EngineCosts; readonly ids: ReadonlySet<string> };

export type BestCases = (stage: VisibleModelStage, outputTokens: number) => BestCase | undefined;

/** Undefined for a stage that no engine can take. */
export function createBestCases(costs: CostModel): BestCases {
  const classes = toClasses(costs);
  return (stage, outputTokens) => {
    const able = classes.filter((group) => canTake(group, stage));
    const prefilling = able.filter(({ costs: { engine } }) => engine.role !== "decode");
    const decoding = able.filter(({ costs: { engine } }) => engine.role !== "prefill");
    if (prefilling.length === 0 || (stage.kind === "llm" && decoding.length === 0)) return undefined;
    const most = prefilling.reduce((count, { ids }) => count + ids.size, 0);
    const options = (group: EngineClass, items: number): Option => toOption(group, stage, items, outputTokens);
    return {
      standaloneUs: standaloneUs(stage, able, options),
      leastUs: leastUs(stage, prefilling, decoding, Math.min(most, stage.items), options),
      leastWorkUs: leastWorkUs(stage, prefilling, decoding, options),
    };
  };
}

/** A share of the stage on an engine of a class. */
type Option = {
  readonly group: EngineClass;
  readonly held: ModelCosts;
  readonly work: ShareWork;
  readonly items: number;
};

function toOption(group: EngineClass, stage: VisibleModelStage, items: number, outputTokens: number): Option {
  const held = group.costs.models.get(stage.model) as ModelCosts;
  const sequences = sideBySide(stage, held, group.costs.engine.batching.maxSequences);
  return { group, held, work: shareWork(stage, items, sequences, outputTokens), items };
}

type Options = (group: EngineClass, items: number) => Option;

function standaloneUs(stage: VisibleModelStage, able: readonly EngineClass[], options: Options): number {
  let wholeUs = Infinity;
  let sentUs = Infinity;
  let decodedUs = Infinity;
  for (const group of able) {
    const { held, work, items } = options(group, stage.items);
    const { role } = group.costs.engine;
    const prefillUs = sharePrefillUs(held.rates, work, items, 0);
    const decodeUs = stage.kind === "embed" ? 0 : Math.round(shareDecodeUs(held.rates, work));
    if (role === "both" || (role === "prefill" && stage.kind === "embed"))
      wholeUs = Math.min(wholeUs, prefillUs + decodeUs);
    const tokens = work.sharedTokens + items * work.ownTokens;
    const kvUs = kvTransferUs(group.costs.host, held.model.kvBytesPerToken, tokens);
    if (role !== "decode") sentUs = Math.min(sentUs, prefillUs + kvUs);
    if (role !== "prefill") decodedUs = Math.min(decodedUs, decodeUs);
  }
  return Math.min(wholeUs, sentUs + decodedUs);
}

/** Split over `n` engines, some share has at least `items / n` items, and the stage ends no sooner than it. */
function leastUs(
  stage: VisibleModelStage,
  prefilling: readonly EngineClass[],
  decoding: readonly EngineClass[],
  most: number,
  options: Options,
): number {
  let leastUsOfAll = Infinity;
  for (let shards = 1; shards <= most; shards++) {
    const items = Math.ceil(stage.items / shards);
    const prefillUs = least(prefilling, (group) => leastPrefillUs(stage, options(group, items)));
    const decodeUs = stage.kind === "embed" ? 0 : least(decoding, (group) => leastDecodeUs(options(group, items)));
    leastUsOfAll = Math.min(leastUsOfAll, prefillUs + decodeUs + shardUs(shards));
    if (shardUs(shards) > leastUsOfAll) break;
  }
  return Math.max(0, Math.floor(leastUsOfAll) - 2);
}

/** One exclusive share pays for whole iterations, a batch shares them: there only what each token adds counts. */
function leastWorkUs(
  stage: VisibleModelStage,
  prefilling: readonly EngineClass[],
  decoding: readonly EngineClass[],
  options: Options,
): number {
  const prefillUs = least(prefilling, (group) => {
    const option = options(group, stage.items);
    return isBatched(group) ? addedUs(option.held.rates, leastBatch(stage, option)) : leastPrefillUs(stage, option);
  });
  if (stage.kind === "embed") return Math.max(0, prefillUs - 2);
  const decodeUs = least(decoding, (group) => {
    // The most frugal share fills one wave.
    const option = options(group, options(group, stage.items).work.sequences);
    const { work, held } = option;
    const us = isBatched(group) ? decodeAddedUs(held.rates, work) : leastDecodeUs(option);
    return (us * stage.items) / work.sequences;
  });
  return Math.max(0, prefillUs + decodeUs - 2);
}

function isBatched(group: EngineClass): boolean {
  return group.costs.engine.batching.kind === "batched";
}

/** What a prompt takes in at least: with all shared links cached, in one iteration. */
function leastBatch(stage: VisibleModelStage, { work, items }: Option): Batch {
  let sharedTokens = 0;
  for (let index = 0; index < stage.sharedLinks; index++) sharedTokens += stage.chain[index]?.tokens ?? 0;
  if (work.ownTokens > 0) {
    const prefillTokens = items * work.ownTokens;
    const prefillPairs = prefillTokens * (work.sharedTokens + work.ownTokens / 2);
    return { prefillTokens, prefillPairs, prefillSequences: 1, sequences: 0, contextTokens: 0 };
  }
  const newTokens = Math.max(Math.min(1, work.sharedTokens), work.sharedTokens - sharedTokens);
  const prefillPairs = newTokens * (work.sharedTokens - newTokens + (newTokens + 1) / 2);
  return { prefillTokens: newTokens, prefillPairs, prefillSequences: 1, sequences: 0, contextTokens: 0 };
}

function leastPrefillUs(stage: VisibleModelStage, option: Option): number {
  return iterationUs(option.held.rates, leastBatch(stage, option));
}

/** Iterations that decode may ride on ones that take in prompts, at their correction; each batch step is rounded once. */
function leastDecodeUs({ held: { rates }, work }: Option): number {
  const { sequences, contextTokens, decodeSteps } = work;
  const us = decodeStepsUs(rates, sequences, contextTokens * sequences, decodeSteps);
  const { prefill, decode } = rates.correction;
  return Math.max(0, (us * Math.min(prefill, decode)) / decode - decodeSteps / 2);
}

/** What `batch` adds to an iteration whatever else is in it: no weights read, nothing fixed. */
function addedUs(rates: Rates, batch: Batch): number {
  const tokens = batch.prefillTokens + batch.sequences;
  const us =
    (rates.productUsPerToken + rates.expertUsPerToken + rates.exchangeUsPerToken) * tokens +
    rates.attentionUsPerPair * batch.prefillPairs +
    rates.kvUsPerToken * (batch.contextTokens + batch.prefillTokens) +
    rates.sequenceUs * batch.sequences;
  return us * Math.min(rates.correction.prefill, rates.correction.decode);
}

function decodeAddedUs(rates: Rates, { sequences, contextTokens, decodeSteps }: ShareWork): number {
  const middleTokens = sequences * (contextTokens + Math.max(0, decodeSteps - 1) / 2);
  const batch = { prefillTokens: 0, prefillPairs: 0, prefillSequences: 0, sequences, contextTokens: middleTokens };
  return Math.max(0, decodeSteps * (addedUs(rates, batch) - 0.5));
}

function least(groups: readonly EngineClass[], score: (group: EngineClass) => number): number {
  let lowest = Infinity;
  for (const group of groups) lowest = Math.min(lowest, score(group));
  return lowest;
}

function canTake({ costs, ids }: EngineClass, stage: VisibleModelStage): boolean {
  const held = costs.models.get(stage.model);
  if (held === undefined) return false;
  if (stage.allow?.engines?.some((id) => ids.has(id)) === false) return false;
  if (stage.allow?.labels?.every((label) => costs.engine.labels.includes(label)) === false) return false;
  return shareWork(stage, 1, 1, stage.limitTokens).kvTokens <= held.kvCapacityTokens;
}

function toClasses({ engines }: CostModel): EngineClass[] {
  const classes = new Map<string, { costs: EngineCosts; ids: Set<string> }>();
  for (const costs of engines) {
    const { engine, gpu, host, memoryBytes, models } = costs;
    const { role, batching, labels, devices } = engine;
    const { id: _id, zone: _zone, ...speeds } = host;
    const key = JSON.stringify([
      gpu.id,
      devices.length,
      role,
      batching,
      labels,
      speeds,
      memoryBytes,
      engine.kvBytes,
      [...models.keys()],
    ]);
    const known = classes.get(key);
    if (known === undefined) classes.set(key, { costs, ids: new Set([engine.id]) });
    else known.ids.add(engine.id);
  }
  return [...classes.values()];
}
