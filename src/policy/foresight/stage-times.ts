/**
 * How long one stage takes on each sort of engine, by how many links of its prompt are cached there. A time is worked out when
 * it is first asked for: most are never.
 */

import { canServe } from "../../cost/candidate.ts";
import type { EngineCosts, ModelCosts } from "../../cost/cost-model.ts";
import { shareDecodeUs, sharePrefillUs } from "../../cost/phase.ts";
import { shareWork, sideBySide, type ShareWork } from "../../cost/share-work.ts";
import { chainHash } from "../../model/prefix.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { ClusterState } from "../../state/cluster-state.ts";
import { balanceItems } from "../shards.ts";

/** Engines as far as they differ in how long a stage takes there. */
export type Sorts = {
  /** By engine, the number of its sort. */
  readonly sortOf: Int32Array;
  /** By sort, one engine of it. */
  readonly sorts: readonly EngineCosts[];
  /** Engines that may share a stage, the first one leads. */
  readonly pairs: readonly (readonly [number, number])[];
};

export class StageTimes {
  readonly stage: VisibleModelStage;
  /** Tokens of the first so many links. */
  readonly linkTokens: Float64Array;
  /** Of the link that what it writes will be, should another prompt repeat it; undefined if that cannot be. */
  readonly outputHash: number | undefined;
  readonly #engines: Sorts;
  readonly #links: number;
  #able: readonly number[] | undefined;
  #ablePairs: readonly number[] | undefined;
  /** By sort and links cached; NaN where not worked out yet, likewise below. */
  readonly #wholeUs: Float64Array;
  /** By sort. */
  readonly #roomTokens: Float64Array;
  /** By pair, the items of the engine that leads; -1 where not worked out yet. */
  #leadItems: Int32Array | undefined;
  /** By pair, which one of it, and links cached. */
  #shareUs: Float64Array | undefined;

  constructor(engines: Sorts, stage: VisibleModelStage) {
    this.#engines = engines;
    this.stage = stage;
    this.#links = stage.chain.length + 1;
    this.linkTokens = new Float64Array(this.#links);
    for (const [at, { tokens }] of stage.chain.entries()) this.linkTokens[at + 1] = this.linkTokens[at]! + tokens;
    this.outputHash =
      stage.kind === "llm" && stage.items === 1
        ? chainHash(stage.chain.at(-1)?.hash, `output:${stage.key}`)
        : undefined;
    this.#wholeUs = new Float64Array(engines.sorts.length * this.#links).fill(NaN);
    this.#roomTokens = new Float64Array(engines.sorts.length).fill(NaN);
  }

  /** Engines that may take it and can hold it, whether they are up or not. */
  able(cluster: ClusterState): readonly number[] {
    this.#able ??= Array.from(cluster).flatMap((engine) =>
      canServe(this.stage, engine) ? [engine.holding.index] : [],
    );
    return this.#able;
  }

  /** Pairs of them. */
  ablePairs(cluster: ClusterState): readonly number[] {
    if (this.#ablePairs === undefined) {
      const able = new Set(this.able(cluster));
      this.#ablePairs = [...this.#engines.pairs.keys()].filter((pair) =>
        this.#engines.pairs[pair]!.every((engine) => able.has(engine)),
      );
    }
    return this.#ablePairs;
  }

  /** How many links of its prompt have so many tokens. */
  levelOf(tokens: number): number {
    let level = 0;
    while (level + 1 < this.#links && this.linkTokens[level + 1]! <= tokens) level += 1;
    return level;
  }

  /** Prefill and decode of the whole stage with `level` links cached; Infinity where the model cannot be held. */
  wholeUs(engine: number, level: number): number {
    const sort = this.#engines.sortOf[engine]!;
    const at = sort * this.#links + level;
    const us = this.#wholeUs[at]!;
    return us === us ? us : (this.#wholeUs[at] = this.#workOut(sort, this.stage.items, level));
  }

  /** The same of one of the two shares, `which` 0 or 1, of the stage's items over a pair. */
  shareUs(pair: number, which: number, level: number): number {
    this.#shareUs ??= new Float64Array(this.#engines.pairs.length * 2 * this.#links).fill(NaN);
    const at = (pair * 2 + which) * this.#links + level;
    const us = this.#shareUs[at]!;
    if (us === us) return us;
    const lead = this.leadItems(pair);
    const items = which === 0 ? lead : this.stage.items - lead;
    return (this.#shareUs[at] = this.#workOut(this.#sortIn(pair, which), items, level));
  }

  /** So many items for the engine that leads the pair that both end as nearly together as they can. */
  leadItems(pair: number): number {
    this.#leadItems ??= new Int32Array(this.#engines.pairs.length).fill(-1);
    const known = this.#leadItems[pair]!;
    if (known >= 0) return known;
    const endUs = [0, 1].map((which) => (items: number) => this.#workOut(this.#sortIn(pair, which), items, 0));
    return (this.#leadItems[pair] = balanceItems(this.stage.items, endUs)[0]!);
  }

  /** Tokens that may stay cached beside what the stage, or its share of the pair, holds on an engine while it runs. */
  roomTokens(engine: number, which: number, pair: number): number {
    if (pair >= 0) {
      const lead = this.leadItems(pair);
      return this.#roomBeside(this.#sortIn(pair, which), which === 0 ? lead : this.stage.items - lead);
    }
    const sort = this.#engines.sortOf[engine]!;
    const known = this.#roomTokens[sort]!;
    return known === known ? known : (this.#roomTokens[sort] = this.#roomBeside(sort, this.stage.items));
  }

  #roomBeside(sort: number, items: number): number {
    const { models, engine } = this.#engines.sorts[sort]!;
    const held = models.get(this.stage.model);
    if (held === undefined) return 0;
    const sequences = sideBySide(this.stage, held, engine.batching.maxSequences);
    const { kvTokens } = shareWork(this.stage, items, sequences, this.stage.limitTokens);
    return Math.min(engine.prefixTokens ?? Infinity, held.kvCapacityTokens - kvTokens);
  }

  #sortIn(pair: number, which: number): number {
    return this.#engines.sortOf[this.#engines.pairs[pair]![which]!]!;
  }

  #workOut(sort: number, items: number, level: number): number {
    const costs = this.#engines.sorts[sort]!;
    const held = costs.models.get(this.stage.model);
    if (held === undefined) return Infinity;
    const work = this.#workOf(held, items, costs.engine.batching.maxSequences);
    const prefillUs = sharePrefillUs(held.rates, work, items, this.linkTokens[level]!);
    return prefillUs + (this.stage.kind === "embed" ? 0 : shareDecodeUs(held.rates, work));
  }

  #workOf(held: ModelCosts, items: number, maxSequences: number): ShareWork {
    return shareWork(this.stage, items, sideBySide(this.stage, held, maxSequences), this.stage.outputTokens);
  }
}
