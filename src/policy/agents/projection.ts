/**
 * When a call would end, wherever it may go: through the queue in front of the engine that takes its prompt in, the prompt itself
 * with its cached prefix, the KV transfer behind what the sender's interface still has to send, the wait for KV memory and a place
 * where it is decoded, and the decoding beside what decodes there then.
 *
 * Costs are worked out for each engine once and joined for each pair: P + D costs and P x D additions.
 */

import { canServe, inputTransferUs, isFeasible, type Known } from "../../cost/candidate.ts";
import type { ModelCosts } from "../../cost/cost-model.ts";
import { decodeStepsUs } from "../../cost/decode.ts";
import { sharePrefillUs } from "../../cost/phase.ts";
import { shareWork, sideBySide } from "../../cost/share-work.ts";
import { kvTransferUs } from "../../cost/transfer.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { EngineState } from "../../state/engine-state.ts";
import { handsOver } from "../choose.ts";
import { missingLoadUs } from "../picture.ts";
import {
  addToLine,
  addedUs,
  batchWorkUs,
  emptyLine,
  EngineBook,
  filledKvTokens,
  fixedUs,
  type Line,
} from "./engine-book.ts";
import { keyAt, type Urgency } from "./orders.ts";

export type ProjectionSettings = {
  /** Prefill and decode engine by the end of the pair; otherwise each by its own. */
  readonly joint: boolean;
  /** Whether KV memory that is promised counts. */
  readonly kv: boolean;
  /** Whether cached prefixes count. */
  readonly prefixes: boolean;
};

/** Where a call could go, and what comes of it. Times of the clock. */
export type Projected = {
  readonly engine: EngineState;
  readonly decodeEngine?: EngineState;
  /** When its first batch begins. */
  readonly startUs: number;
  readonly prefilledUs: number;
  readonly endUs: number;
};

type Redecoded = {
  readonly best: EngineState | undefined;
  readonly bestEndUs: number;
  readonly plannedEndUs: number;
};

type Intake = {
  readonly engine: EngineState;
  readonly startUs: number;
  readonly prefilledUs: number;
  /** When its KV is there, wherever that is; the same if it stays. */
  readonly arriveUs: number;
  readonly addedUs: number;
};

type Decode = {
  readonly engine: EngineState;
  /** When it has a place and KV memory. */
  readonly freeUs: number;
  readonly decodeUs: number;
};

const books = new WeakMap<EngineState, EngineBook>();

export class Projection {
  readonly #known: Known;
  readonly #settings: ProjectionSettings;
  readonly #books: EngineBook[] = [];
  /** What this plan adds, by engine. */
  readonly #added: (Line | undefined)[] = [];
  /** Shares and KV tokens on their way to each decode engine from running prompts. */
  readonly #comingCount: Float64Array;
  readonly #comingKv: Float64Array;
  /** The same, of prompts that come before the one that is looked at. */
  readonly #aheadCount: Float64Array;
  readonly #aheadKv: Float64Array;

  constructor(known: Known, settings: ProjectionSettings) {
    this.#known = known;
    this.#settings = settings;
    const { cluster, costs } = known;
    this.#comingCount = new Float64Array(cluster.count);
    this.#comingKv = new Float64Array(cluster.count);
    this.#aheadCount = new Float64Array(cluster.count);
    this.#aheadKv = new Float64Array(cluster.count);
    for (let index = 0; index < cluster.count; index++) {
      const engine = cluster.at(index);
      const engineCosts = costs.engines[index];
      if (engineCosts === undefined) throw new Error(`no costs of ${engine.id}`);
      let book = books.get(engine);
      if (book === undefined || !book.isFor(engineCosts)) books.set(engine, (book = new EngineBook(engineCosts)));
      book.keepUp(known, engine);
      this.#books.push(book);
      for (const [at, { count, kvTokens }] of book.leaving) {
        this.#comingCount[at] = (this.#comingCount[at] ?? 0) + count;
        this.#comingKv[at] = (this.#comingKv[at] ?? 0) + kvTokens;
      }
    }
  }

  /** Where the call ends first; of equals, on the engines named first. */
  best(stage: VisibleModelStage, urgency: Urgency): Projected | undefined {
    const intakes = this.#intakes(stage, keyAt(urgency, this.#known.nowUs));
    const whole = this.#bestWhole(stage, intakes);
    const pair = this.#bestPair(stage, intakes);
    if (whole === undefined || pair === undefined) return whole ?? pair;
    return pair.endUs < whole.endUs ? pair : whole;
  }

  /** Where a call whose prompt is taken in here would be decoded first, and when it would end there and where it is meant to go. */
  redecode(stage: VisibleModelStage, from: EngineState, planned: EngineState): Redecoded {
    this.#aheadCount.fill(0);
    this.#aheadKv.fill(0);
    const ownKv = filledKvTokens(stage);
    const sentUs = this.#sentUs(stage, from, this.#known.nowUs);
    let best: Decode | undefined;
    let plannedEndUs = Infinity;
    let bestEndUs = Infinity;
    for (const { engine } of this.#decoders(stage)) {
      const decode = this.#decode(stage, engine, sentUs, engine === planned ? ownKv : 0);
      const endUs = Math.max(sentUs, decode.freeUs) + decode.decodeUs;
      if (engine === planned) plannedEndUs = endUs;
      if (endUs >= bestEndUs) continue;
      best = decode;
      bestEndUs = endUs;
    }
    return { best: best?.engine, bestEndUs, plannedEndUs };
  }

  /** Would the engine take one more prompt into its next batch, and is none under way? */
  hasRoom(engine: EngineState): boolean {
    const { index } = engine.holding;
    const costs = this.#costsAt(index);
    const book = this.#books[index] as EngineBook;
    const { batching, maxResident } = { ...costs.engine };
    if (!engine.open || engine.role === "decode" || engine.loadEndUs > 0) return false;
    const inLine = book.line.length + (this.#added[index]?.length ?? 0);
    if (batching.kind === "exclusive" || maxResident > 1) return engine.running.length + inLine === 0;
    const inBatch = batching.chunkedPrefill ? book.batchUs : 0;
    if (book.taking > 0 && inBatch === 0) return false;
    const rates = costs.models.get(engine.residents[0]?.model ?? "")?.rates;
    if (rates === undefined) return inLine === 0;
    return inBatch + this.#workIn(book.line) + this.#workIn(this.#added[index]) < batchWorkUs(costs, rates);
  }

  /** Work in line for the engines, and of what is ready besides, over how many they are. */
  meanWaitUs(engines: readonly EngineState[], ready: readonly VisibleModelStage[]): number {
    let us = 0;
    for (const { holding } of engines) us += this.#workIn(this.#books[holding.index]?.line);
    const [first] = engines;
    if (first === undefined) return Infinity;
    let tokens = 0;
    let rates: ModelCosts["rates"] | undefined;
    for (const stage of ready) {
      rates ??= this.#costsAt(first.holding.index).models.get(stage.model)?.rates;
      // Most of a growing context is cached; what is not is not told apart here.
      tokens += Math.min(stage.promptTokens, stage.chain.at(-1)?.tokens ?? 0);
    }
    return (us + tokens * (rates?.productUsPerToken ?? 0)) / engines.length;
  }

  /** What decodes on the engines and is coming to them, over the places and the KV memory of those that are left. */
  decodeLoad(engines: readonly EngineState[], left = engines): number {
    let shares = 0;
    let kvTokens = 0;
    let places = 0;
    let capacity = 0;
    for (const { holding } of engines) {
      const book = this.#books[holding.index] as EngineBook;
      shares += book.decoders + book.line.length + (this.#comingCount[holding.index] as number);
      kvTokens += book.kvTokens + (this.#comingKv[holding.index] as number);
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

  /** Sequences times tokens that the engine decodes in a second, for comparison. */
  decodeSpeed({ holding }: EngineState): number {
    for (const { rates } of this.#costsAt(holding.index).models.values())
      return 1e6 / decodeStepsUs(rates, 64, 64 * 1000, 1);
    return 0;
  }

  anyRoom(): boolean {
    const { cluster } = this.#known;
    for (let index = 0; index < cluster.count; index++) if (this.hasRoom(cluster.at(index))) return true;
    return false;
  }

  #workIn(line: Line | undefined): number {
    let us = 0;
    for (let at = 0; at < (line?.length ?? 0); at++) us += line?.workUs[at] ?? 0;
    return us;
  }

  /** Has the calls to come see this one in line. */
  add(stage: VisibleModelStage, { engine, decodeEngine }: Projected, { rank, climb }: Urgency): void {
    const { index } = engine.holding;
    const line = (this.#added[index] ??= emptyLine(16));
    const decodesAt = decodeEngine === undefined ? -1 : decodeEngine.holding.index;
    addToLine(line, rank, climb, this.#promptAddsUs(stage, engine), filledKvTokens(stage), decodesAt);
  }

  /** A call whose KV goes elsewhere than it was meant to. */
  move(stage: VisibleModelStage, from: EngineState, to: EngineState): void {
    const kvTokens = filledKvTokens(stage);
    for (const [{ holding }, sign] of [
      [from, -1],
      [to, 1],
    ] as const) {
      this.#comingCount[holding.index] = (this.#comingCount[holding.index] as number) + sign;
      this.#comingKv[holding.index] = (this.#comingKv[holding.index] as number) + sign * kvTokens;
    }
  }

  #costsAt(index: number) {
    const costs = this.#known.costs.engines[index];
    if (costs === undefined) throw new Error(`no engine at ${index}`);
    return costs;
  }

  #promptAddsUs(stage: VisibleModelStage, engine: EngineState): number {
    const held = this.#costsAt(engine.holding.index).models.get(stage.model);
    return held === undefined ? 0 : addedUs(held.rates, this.#prefillUs(stage, engine, held));
  }

  #prefillUs(stage: VisibleModelStage, engine: EngineState, held: ModelCosts): number {
    const sequences = sideBySide(stage, held, engine.holding.engine.batching.maxSequences);
    const work = shareWork(stage, stage.items, sequences, stage.outputTokens);
    const cachedTokens = this.#settings.prefixes ? engine.cachedTokens(stage) : 0;
    return sharePrefillUs(held.rates, work, stage.items, cachedTokens) * engine.slowFactor;
  }

  #intakes(stage: VisibleModelStage, key: number): readonly Intake[] {
    this.#aheadCount.fill(0);
    this.#aheadKv.fill(0);
    const intakes: Intake[] = [];
    const { cluster } = this.#known;
    for (let index = 0; index < cluster.count; index++) {
      const engine = cluster.at(index);
      if (engine.role === "decode") continue;
      const aheadUs = this.#sumAhead(index, key);
      if (isFeasible(this.#known, stage, engine)) intakes.push(this.#intake(stage, engine, aheadUs));
    }
    return intakes;
  }

  /** Work in line ahead of the key. */
  #sumAhead(index: number, key: number): number {
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
      this.#aheadCount[decoder] = (this.#aheadCount[decoder] as number) + 1;
      this.#aheadKv[decoder] = (this.#aheadKv[decoder] as number) + (kvTokens[at] as number);
    }
    return us;
  }

  #intake(stage: VisibleModelStage, engine: EngineState, aheadUs: number): Intake {
    const { nowUs } = this.#known;
    const { index } = engine.holding;
    const { engine: spec, models } = this.#costsAt(index);
    const book = this.#books[index] as EngineBook;
    const held = models.get(stage.model) as ModelCosts;
    const loadUs = missingLoadUs(this.#known, stage, engine);
    const inputsUs = inputTransferUs(this.#known, stage, engine);
    const aloneUs = this.#prefillUs(stage, engine, held);
    if (spec.batching.kind === "exclusive") {
      const startUs = engine.freeAtUs(nowUs) - engine.queuedUs + aheadUs + loadUs + inputsUs;
      return { engine, startUs, prefilledUs: startUs + aloneUs, arriveUs: startUs + aloneUs, addedUs: aloneUs };
    }
    const batchEndUs = book.taking === 0 ? 0 : book.batchStartUs + book.batchUs * engine.slowFactor;
    const freeUs = Math.max(nowUs, engine.loadEndUs, batchEndUs) + loadUs;
    const ownUs = addedUs(held.rates, aloneUs) * engine.slowFactor;
    const onceUs = Math.max(0, aloneUs - ownUs);
    // A batch takes in so many tokens; what is ahead fills batches that each pay what a batch pays.
    const batchUs = batchWorkUs(this.#costsAt(index), held.rates) * engine.slowFactor;
    const before = Math.floor(aheadUs / batchUs);
    const fixed = fixedUs(this.#costsAt(index), stage.model) * engine.slowFactor;
    const startUs = freeUs + before * (batchUs + fixed);
    const prefilledUs = Math.max(freeUs + aheadUs + before * fixed, nowUs + inputsUs) + ownUs + onceUs;
    const arriveUs = handsOver(stage, engine) ? this.#sentUs(stage, engine, prefilledUs) : prefilledUs;
    return { engine, startUs, prefilledUs, arriveUs, addedUs: ownUs };
  }

  #sentUs(stage: VisibleModelStage, engine: EngineState, prefilledUs: number): number {
    const model = this.#known.costs.models.get(stage.model);
    const bytes = model?.kvBytesPerToken ?? 0;
    return Math.max(prefilledUs, engine.nicFreeAtUs) + kvTransferUs(engine.holding.host, bytes, stage.promptTokens);
  }

  #bestWhole(stage: VisibleModelStage, intakes: readonly Intake[]): Projected | undefined {
    let best: Projected | undefined;
    for (const { engine, startUs, prefilledUs } of intakes) {
      if (handsOver(stage, engine)) continue;
      const { freeUs, decodeUs } = this.#decode(stage, engine, prefilledUs, 0);
      const lateUs = Math.max(0, freeUs - prefilledUs);
      const endUs = prefilledUs + lateUs + decodeUs;
      if (best === undefined || endUs < best.endUs) best = { engine, startUs: startUs + lateUs, prefilledUs, endUs };
    }
    return best;
  }

  #decoders(stage: VisibleModelStage): readonly { readonly engine: EngineState }[] {
    const { cluster } = this.#known;
    const able: { engine: EngineState }[] = [];
    for (let index = 0; index < cluster.count; index++) {
      const engine = cluster.at(index);
      if (engine.open && engine.role !== "prefill" && canServe(stage, engine)) able.push({ engine });
    }
    return able;
  }

  #bestPair(stage: VisibleModelStage, intakes: readonly Intake[]): Projected | undefined {
    let firstUs = Infinity;
    for (const { engine, arriveUs } of intakes) if (handsOver(stage, engine)) firstUs = Math.min(firstUs, arriveUs);
    if (firstUs === Infinity) return undefined;
    const decodes = this.#decoders(stage).map(({ engine }) => this.#decode(stage, engine, firstUs, 0));
    const { joint } = this.#settings;
    const bound = joint ? Infinity : firstUs;
    let best: Projected | undefined;
    for (const intake of intakes) {
      if (!handsOver(stage, intake.engine) || intake.arriveUs > bound) continue;
      for (const { engine, freeUs, decodeUs } of decodes) {
        const endUs = Math.max(joint ? intake.arriveUs : this.#known.nowUs, freeUs) + decodeUs;
        if (best !== undefined && endUs >= best.endUs) continue;
        const { startUs, prefilledUs } = intake;
        best = { engine: intake.engine, decodeEngine: engine, startUs, prefilledUs, endUs };
      }
    }
    return best;
  }

  /**
   * What decodes there now leaves evenly over as long as one takes, and what is ahead arrives evenly until the call does. What KV
   * memory cannot hold waits until enough of it has left.
   */
  #decode(stage: VisibleModelStage, engine: EngineState, arriveUs: number, ownKv: number): Decode {
    const { nowUs } = this.#known;
    const { index } = engine.holding;
    const costs = this.#costsAt(index);
    const held = costs.models.get(stage.model) as ModelCosts;
    const { batching } = costs.engine;
    const sequences = sideBySide(stage, held, batching.maxSequences);
    const work = shareWork(stage, stage.items, sequences, stage.outputTokens);
    if (stage.kind === "embed") return { engine, freeUs: nowUs, decodeUs: 0 };
    if (batching.kind === "exclusive") return this.#decodeAlone(stage, engine, held);
    const book = this.#books[index] as EngineBook;
    const aheadCount = (this.#aheadCount[index] as number) + (this.#comingCount[index] as number);
    const aheadKv = (this.#aheadKv[index] as number) + (this.#comingKv[index] as number);
    const aloneUs = decodeStepsUs(held.rates, work.sequences, work.sequences * work.contextTokens, work.decodeSteps);
    const stayUs = Math.max(1, book.meanDecodeUs, aloneUs);
    const untilUs = Math.max(0, arriveUs - nowUs);
    const kept = Math.max(0, 1 - untilUs / stayUs);
    const come = Math.min(1, stayUs / Math.max(1, untilUs));
    const beside = Math.min(batching.maxSequences - work.sequences, book.decoders * kept + aheadCount * come);
    const besideKv = book.kvTokens * kept + Math.max(0, aheadKv - ownKv) * come;
    const together = Math.max(0, beside) + work.sequences;
    const contextTokens = besideKv + work.sequences * work.contextTokens;
    const decodeUs = decodeStepsUs(held.rates, together, contextTokens, work.decodeSteps) * engine.slowFactor;
    const demand = book.kvTokens + Math.max(0, aheadKv - ownKv) + work.kvTokens;
    const capacity = held.kvCapacityTokens;
    const places = batching.maxSequences;
    const shortKv = this.#settings.kv ? Math.max(0, demand - capacity) / capacity : 0;
    const shortPlaces = Math.max(0, book.decoders + aheadCount + work.sequences - places) / places;
    return { engine, freeUs: nowUs + Math.max(shortKv, shortPlaces) * stayUs, decodeUs };
  }

  #decodeAlone(stage: VisibleModelStage, engine: EngineState, held: ModelCosts): Decode {
    const { nowUs } = this.#known;
    const sequences = sideBySide(stage, held, engine.holding.engine.batching.maxSequences);
    const work = shareWork(stage, stage.items, sequences, stage.outputTokens);
    const steps = decodeStepsUs(held.rates, work.sequences, work.sequences * work.contextTokens, work.decodeSteps);
    const comingUs = (this.#comingCount[engine.holding.index] as number) * steps;
    const freeUs = engine.role === "decode" ? engine.freeAtUs(nowUs) + comingUs : nowUs;
    return { engine, freeUs, decodeUs: steps * engine.slowFactor };
  }
}
