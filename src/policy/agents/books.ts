/** The books of all engines while one plan is made, with what the plan adds to them. */

import type { Known } from "../../cost/candidate.ts";
import type { EngineCosts, ModelCosts } from "../../cost/cost-model.ts";
import { decodeStepsUs } from "../../cost/decode.ts";
import type { Rates } from "../../cost/roofline.ts";
import type { Batching } from "../../model/cluster.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { EngineState } from "../../state/engine-state.ts";
import { batchWorkUs, emptyLine, EngineBook, filledKvTokens, type Line } from "./engine-book.ts";
import type { Serving } from "./serving.ts";

/** A book follows from its engine, so that it can be kept from plan to plan. */
const known = new WeakMap<EngineState, EngineBook>();

export class Books {
  readonly #known: Known;
  readonly #books: EngineBook[] = [];
  /** What this plan adds, by engine. */
  readonly #added: (Line | undefined)[] = [];
  /** Shares and KV tokens on their way to each decode engine from running prompts. */
  readonly comingCount: Float64Array;
  readonly comingKv: Float64Array;
  /** The same, of prompts that come before the one that is looked at. */
  readonly aheadCount: Float64Array;
  readonly aheadKv: Float64Array;
  /** Prompts that go into one batch take no longer than this, where the engine would take more. */
  mostBatchUs = Infinity;
  /** Absent: engines serve the one model that they hold. */
  serving: Serving | undefined;

  constructor(view: Known) {
    this.#known = view;
    const { cluster, costs } = view;
    this.comingCount = new Float64Array(cluster.count);
    this.comingKv = new Float64Array(cluster.count);
    this.aheadCount = new Float64Array(cluster.count);
    this.aheadKv = new Float64Array(cluster.count);
    for (let index = 0; index < cluster.count; index++) {
      const engine = cluster.at(index);
      const engineCosts = costs.engines[index];
      if (engineCosts === undefined) throw new Error(`no costs of ${engine.id}`);
      let book = known.get(engine);
      if (book === undefined || !book.isFor(engineCosts)) known.set(engine, (book = new EngineBook(engineCosts)));
      book.keepUp(view, engine);
      this.#books.push(book);
      for (const [at, { count, kvTokens }] of book.leaving) {
        this.comingCount[at] = (this.comingCount[at] ?? 0) + count;
        this.comingKv[at] = (this.comingKv[at] ?? 0) + kvTokens;
      }
    }
  }

  at(index: number): EngineBook {
    return this.#books[index] as EngineBook;
  }

  addedLine(index: number): Line {
    return (this.#added[index] ??= emptyLine(16));
  }

  forgetAhead(): void {
    this.aheadCount.fill(0);
    this.aheadKv.fill(0);
  }

  /** Would the engine take one more prompt into its next batch, and is none under way? Of so much work, where the plan bounds batches. */
  hasRoom(engine: EngineState, workUs = 0): boolean {
    const { index } = engine.holding;
    const costs = this.costsAt(index);
    const book = this.at(index);
    const { batching, maxResident } = costs.engine;
    if (!engine.open || engine.role === "decode" || engine.loadEndUs > 0) return false;
    const inLine = book.line.length + (this.#added[index]?.length ?? 0);
    if (batching.kind === "exclusive" || (maxResident > 1 && this.serving === undefined))
      return engine.running.length + inLine === 0;
    const inBatch = batching.chunkedPrefill ? book.batchUs : 0;
    if (book.taking > 0 && inBatch === 0) return false;
    const rates = costs.models.get(this.serving?.modelOf(engine) ?? engine.residents[0]?.model ?? "")?.rates;
    if (rates === undefined) return inLine === 0;
    const beforeUs = inBatch + this.#workIn(book.line) + this.#workIn(this.#added[index]);
    if (beforeUs > 0 && beforeUs + workUs > this.mostBatchUs) return false;
    return beforeUs < batchWorkUs(costs, rates);
  }

  /** Work that the engine's next batch takes in at most. */
  batchWorkUs(index: number, rates: Rates): number {
    return Math.min(this.mostBatchUs, batchWorkUs(this.costsAt(index), rates));
  }

  anyRoom(): boolean {
    const { cluster } = this.#known;
    for (let index = 0; index < cluster.count; index++) if (this.hasRoom(cluster.at(index))) return true;
    return false;
  }

  /** Work in line ahead of the key. */
  sumAhead(index: number, key: number): number {
    let us = 0;
    for (const line of [this.#books[index]?.line, this.#added[index]])
      if (line !== undefined) us += this.#sumLine(line, key, index);
    return us;
  }

  #sumLine({ length, ranks, climbs, workUs, kvTokens, decodesAt }: Line, key: number, index: number): number {
    const nowS = this.#known.nowUs / 1e6;
    let us = 0;
    for (let at = 0; at < length; at++) {
      if ((ranks[at] as number) - (climbs[at] as number) * nowS > key) continue;
      us += workUs[at] as number;
      const to = decodesAt[at] as number;
      const decoder = to < 0 ? index : to;
      this.aheadCount[decoder] = (this.aheadCount[decoder] as number) + 1;
      this.aheadKv[decoder] = (this.aheadKv[decoder] as number) + (kvTokens[at] as number);
    }
    return us;
  }

  /** A call whose KV goes elsewhere than it was meant to. */
  move(stage: VisibleModelStage, from: EngineState, to: EngineState): void {
    const kvTokens = filledKvTokens(stage);
    for (const [{ holding }, sign] of [
      [from, -1],
      [to, 1],
    ] as const) {
      this.comingCount[holding.index] = (this.comingCount[holding.index] as number) + sign;
      this.comingKv[holding.index] = (this.comingKv[holding.index] as number) + sign * kvTokens;
    }
  }

  /** Work in line for the engines, and of what is ready besides, over how many they are. */
  meanWaitUs(engines: readonly EngineState[], ready: readonly VisibleModelStage[]): number {
    let us = 0;
    for (const { holding } of engines) us += this.#workIn(this.at(holding.index).line);
    const [first] = engines;
    if (first === undefined) return Infinity;
    let tokens = 0;
    let rates: ModelCosts["rates"] | undefined;
    for (const stage of ready) {
      rates ??= this.costsAt(first.holding.index).models.get(stage.model)?.rates;
      // Most of a growing context is cached; what is not is not told apart here.
      tokens += Math.min(stage.promptTokens, stage.chain.at(-1)?.tokens ?? 0);
    }
    return (us + tokens * (rates?.productUsPerToken ?? 0)) / engines.length;
  }

  /** How long a batch of prompts that is under way takes, on average; 0 if none is. */
  turnUs(): number {
    let us = 0;
    let count = 0;
    for (const { taking, batchUs } of this.#books) {
      if (taking === 0) continue;
      us += batchUs;
      count += 1;
    }
    return us / Math.max(1, count);
  }

  /** What decodes on the engines and is coming to them, over the places and the KV memory of those that are left. */
  decodeLoad(engines: readonly EngineState[], left = engines): number {
    let shares = 0;
    let kvTokens = 0;
    let places = 0;
    let capacity = 0;
    for (const { holding } of engines) {
      const book = this.at(holding.index);
      shares += book.decoders + book.line.length + (this.comingCount[holding.index] as number);
      kvTokens += book.kvTokens + (this.comingKv[holding.index] as number);
      for (let at = 0; at < book.line.length; at++) kvTokens += book.line.kvTokens[at] as number;
    }
    for (const { holding } of left) {
      places += holding.engine.batching.maxSequences;
      for (const { kvCapacityTokens } of holding.models.values()) {
        capacity += kvCapacityTokens;
        break;
      }
    }
    return Math.max(shares / Math.max(1, places), kvTokens / Math.max(1, capacity));
  }

  /** Engines that take prompts in, each with what it takes for the model that it serves. */
  *prefilling(): Generator<{ readonly batching: Batching; readonly held: ModelCosts }> {
    for (const { role, holding } of this.#known.cluster) {
      if (role === "decode") continue;
      const [held] = this.costsAt(holding.index).models.values();
      if (held !== undefined) yield { batching: holding.engine.batching, held };
    }
  }

  /** Sequences times tokens that the engine decodes in a second, for comparison. */
  decodeSpeed({ holding }: EngineState): number {
    for (const { rates } of this.costsAt(holding.index).models.values())
      return 1e6 / decodeStepsUs(rates, 64, 64 * 1000, 1);
    return 0;
  }

  /** Work in line. */
  lineUs(index: number): number {
    return this.#workIn(this.at(index).line);
  }

  #workIn(line: Line | undefined): number {
    let us = 0;
    for (let at = 0; at < (line?.length ?? 0); at++) us += line?.workUs[at] ?? 0;
    return us;
  }

  costsAt(index: number): EngineCosts {
    const costs = this.#known.costs.engines[index];
    if (costs === undefined) throw new Error(`no engine at ${index}`);
    return costs;
  }
}
