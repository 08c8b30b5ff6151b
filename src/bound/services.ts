/**
 * How long each share of a sequence holds its engine once its inputs are there, with prefixes cached as the sequence leaves
 * them. It depends on what ran there before with the same model and on nothing else, so answers are kept by that.
 */

import { strict as assert } from "node:assert";
import { shareDecodeUs, sharePrefillUs } from "../cost/phase.ts";
import { shareWork, sideBySide, usableCachedTokens } from "../cost/share-work.ts";
import type { ModelCosts } from "../cost/cost-model.ts";
import { chainHash, type ChainLink } from "../model/prefix.ts";
import { PrefixCache } from "../state/prefix-cache.ts";
import { itemStride, type Instance } from "./instance.ts";

/** Answers kept before all are forgotten. */
const mostKnown = 40_000;

/** Stages of one model on one engine since its load, as `stage * itemStride + items`. */
export type Group = readonly number[];

export class Services {
  readonly #instance: Instance;
  readonly #known = new Map<string, Float64Array>();
  readonly #decodeUs = new Map<number, number>();
  readonly #written: readonly (readonly ChainLink[])[];
  /** Engines that take equally long have one number. */
  readonly #kinds: readonly number[];

  constructor(instance: Instance) {
    this.#instance = instance;
    this.#written = instance.stages.map(({ stage }) => {
      if (stage === undefined) return [];
      const hash = chainHash(stage.chain.at(-1)?.hash, `output:${stage.key}`);
      return [...stage.chain, { hash, tokens: stage.outputTokens }];
    });
    const seen: string[] = [];
    this.#kinds = instance.engines.map(({ models, maxSequences, prefixTokens }) => {
      const rates = models.map((each) => [each?.rates, each?.kvCapacityTokens]);
      const key = JSON.stringify([rates, maxSequences, prefixTokens]);
      return seen.includes(key) ? seen.indexOf(key) : seen.push(key) - 1;
    });
  }

  /** Microseconds by position in the group. */
  of(engine: number, model: number, group: Group): Float64Array {
    const kind = this.#kinds[engine] ?? 0;
    const key = `${kind},${model},${group.join(",")}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size >= mostKnown) this.#known.clear();
    const found = this.#work(engine, kind, model, group);
    this.#known.set(key, found);
    return found;
  }

  #work(engine: number, kind: number, model: number, group: Group): Float64Array {
    const { stages, engines } = this.#instance;
    const spec = engines[engine];
    const held = spec?.models[model];
    assert(spec !== undefined && held !== undefined, "a plan puts a stage where its model cannot be held");
    const cache = new PrefixCache();
    const took = new Float64Array(group.length);
    for (const [at, code] of group.entries()) {
      const index = Math.floor(code / itemStride);
      const items = code % itemStride;
      const stage = stages[index]?.stage;
      assert(stage !== undefined);
      const sequences = sideBySide(stage, held, spec.maxSequences);
      const work = shareWork(stage, items, sequences, stage.outputTokens);
      const reserved = shareWork(stage, items, sequences, stage.limitTokens).kvTokens;
      const budget = Math.min(spec.prefixTokens, held.kvCapacityTokens - reserved);
      cache.shrink(budget, 0);
      const cached = usableCachedTokens(work, cache.match(stage.chain));
      took[at] = sharePrefillUs(held.rates, work, items, cached) + this.#decode(kind, code, held, work);
      const links = items > 1 || stage.items > 1 ? stage.sharedLinks : stage.chain.length;
      cache.insert(stage.chain, links, budget, 0);
      const written = this.#written[index] ?? [];
      if (stage.kind === "llm" && stage.items === 1) cache.insert(written, written.length, budget, 0);
    }
    return took;
  }

  #decode(kind: number, code: number, held: ModelCosts, work: ReturnType<typeof shareWork>): number {
    const { stages } = this.#instance;
    if (stages[Math.floor(code / itemStride)]?.stage?.kind !== "llm") return 0;
    const key = code * this.#kinds.length + kind;
    let us = this.#decodeUs.get(key);
    if (us === undefined) this.#decodeUs.set(key, (us = shareDecodeUs(held.rates, work)));
    return us;
  }
}
