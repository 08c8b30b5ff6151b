/**
 * When a call would end, wherever it may go: through the queue in front of the engine that takes its prompt in, the prompt itself
 * with its cached prefix, the KV transfer behind what the sender's interface still has to send, the wait for KV memory and a place
 * where it is decoded, and the decoding beside what decodes there then.
 *
 * Costs are worked out for each engine once: no pair ends before that whose prefill engine sends first, so P + D costs and sums do.
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
import { Books } from "./books.ts";
import { addToLine, addedUs, filledKvTokens, fixedUs } from "./engine-book.ts";
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

export class Projection {
  readonly #known: Known;
  readonly #settings: ProjectionSettings;
  readonly books: Books;

  constructor(known: Known, settings: ProjectionSettings) {
    this.#known = known;
    this.#settings = settings;
    this.books = new Books(known);
  }

  /** Where the call ends first; of equals, on the engines named first. A price counts prompt tokens that are not cached there as time. */
  best(stage: VisibleModelStage, urgency: Urgency, tokenPriceUs = 0): Projected | undefined {
    const intakes = this.#intakes(stage, keyAt(urgency, this.#known.nowUs));
    const whole = this.#bestWhole(stage, intakes);
    const pair = tokenPriceUs > 0 ? this.#cheapestPair(stage, intakes, tokenPriceUs) : this.#bestPair(stage, intakes);
    if (whole === undefined || pair === undefined) return whole ?? pair;
    return pair.endUs < whole.endUs ? pair : whole;
  }

  /** Where a call whose prompt is taken in here would be decoded first, and when it would end there and where it is meant to go. */
  redecode(stage: VisibleModelStage, from: EngineState, planned: EngineState): Redecoded {
    this.books.forgetAhead();
    const ownKv = filledKvTokens(stage);
    const sentUs = this.#sentUs(stage, from, this.#known.nowUs);
    let best: Decode | undefined;
    let plannedEndUs = Infinity;
    let bestEndUs = Infinity;
    for (const { engine } of this.#decoders(stage, planned)) {
      const decode = this.#decode(stage, engine, sentUs, engine === planned ? ownKv : 0);
      const endUs = Math.max(sentUs, decode.freeUs) + decode.decodeUs;
      if (engine === planned) plannedEndUs = endUs;
      if (endUs >= bestEndUs) continue;
      best = decode;
      bestEndUs = endUs;
    }
    return { best: best?.engine, bestEndUs, plannedEndUs };
  }

  /** Has the calls to come see this one in line. */
  add(stage: VisibleModelStage, { engine, decodeEngine }: Projected, { rank, climb }: Urgency): void {
    this.books.serving?.take(stage, decodeEngine === undefined ? [engine] : [engine, decodeEngine]);
    const { index } = engine.holding;
    const decodesAt = decodeEngine === undefined ? -1 : decodeEngine.holding.index;
    addToLine(
      this.books.addedLine(index),
      rank,
      climb,
      this.promptAddsUs(stage, engine),
      filledKvTokens(stage),
      decodesAt,
    );
  }

  /** Work that the prompt adds to a batch there. */
  promptAddsUs(stage: VisibleModelStage, engine: EngineState): number {
    const held = this.books.costsAt(engine.holding.index).models.get(stage.model);
    return held === undefined ? 0 : addedUs(held.rates, this.#prefillUs(stage, engine, held));
  }

  #prefillUs(stage: VisibleModelStage, engine: EngineState, held: ModelCosts): number {
    const sequences = sideBySide(stage, held, engine.holding.engine.batching.maxSequences);
    const work = shareWork(stage, stage.items, sequences, stage.outputTokens);
    const cachedTokens = this.#settings.prefixes ? engine.cachedTokens(stage) : 0;
    return sharePrefillUs(held.rates, work, stage.items, cachedTokens) * engine.slowFactor;
  }

  #intakes(stage: VisibleModelStage, key: number): readonly Intake[] {
    this.books.forgetAhead();
    const intakes: Intake[] = [];
    const { cluster } = this.#known;
    for (let index = 0; index < cluster.count; index++) {
      const engine = cluster.at(index);
      if (engine.role === "decode" || this.books.serving?.mayTake(engine, stage) === false) continue;
      const aheadUs = this.books.sumAhead(index, key);
      if (isFeasible(this.#known, stage, engine)) intakes.push(this.#intake(stage, engine, aheadUs));
    }
    return intakes;
  }

  #intake(stage: VisibleModelStage, engine: EngineState, aheadUs: number): Intake {
    const { nowUs } = this.#known;
    const { index } = engine.holding;
    const { engine: spec, models } = this.books.costsAt(index);
    const book = this.books.at(index);
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
    const batchUs = this.books.batchWorkUs(index, held.rates) * engine.slowFactor;
    const before = Math.floor(aheadUs / batchUs);
    const fixed = fixedUs(this.books.costsAt(index), stage.model) * engine.slowFactor;
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

  /** `planned`: where it is meant to go, and so counts already. */
  #decoders(stage: VisibleModelStage, planned?: EngineState): readonly { readonly engine: EngineState }[] {
    const { cluster } = this.#known;
    const able: { engine: EngineState }[] = [];
    for (let index = 0; index < cluster.count; index++) {
      const engine = cluster.at(index);
      if (engine !== planned && this.books.serving?.mayDecode(engine, stage) === false) continue;
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
    const fromUs = joint ? firstUs : this.#known.nowUs;
    // No pair ends before that with the engine that sends first; of the others, those count that hold nothing up.
    let endUs = Infinity;
    for (const { freeUs, decodeUs } of decodes) endUs = Math.min(endUs, Math.max(fromUs, freeUs) + decodeUs);
    const last = decodes.filter(({ freeUs, decodeUs }) => Math.max(fromUs, freeUs) + decodeUs === endUs);
    for (const { engine, arriveUs, startUs, prefilledUs } of intakes) {
      if (!handsOver(stage, engine) || (!joint && arriveUs > firstUs)) continue;
      const decode = last.find(({ freeUs }) => !joint || arriveUs <= Math.max(firstUs, freeUs));
      if (decode !== undefined) return { engine, decodeEngine: decode.engine, startUs, prefilledUs, endUs };
    }
    return undefined;
  }

  /** By the end of the pair and the price of the prompt together. Ends are those of the decode engines as the first to send would find them. */
  #cheapestPair(stage: VisibleModelStage, intakes: readonly Intake[], tokenPriceUs: number): Projected | undefined {
    let firstUs = Infinity;
    for (const { engine, arriveUs } of intakes) if (handsOver(stage, engine)) firstUs = Math.min(firstUs, arriveUs);
    if (firstUs === Infinity) return undefined;
    const decodes = this.#decoders(stage).map(({ engine }) => this.#decode(stage, engine, firstUs, 0));
    let best: Projected | undefined;
    let bestUs = Infinity;
    for (const { engine, arriveUs, startUs, prefilledUs } of intakes) {
      if (!handsOver(stage, engine)) continue;
      const priceUs = tokenPriceUs * this.#newTokens(stage, engine);
      if (arriveUs + priceUs >= bestUs) continue;
      const decode = firstToEnd(decodes, arriveUs);
      if (decode === undefined) return undefined;
      const endUs = Math.max(arriveUs, decode.freeUs) + decode.decodeUs;
      if (endUs + priceUs >= bestUs) continue;
      bestUs = endUs + priceUs;
      best = { engine, decodeEngine: decode.engine, startUs, prefilledUs, endUs };
    }
    return best;
  }

  #newTokens(stage: VisibleModelStage, engine: EngineState): number {
    return Math.max(0, stage.promptTokens - (this.#settings.prefixes ? engine.cachedTokens(stage) : 0));
  }

  /**
   * What decodes there now leaves evenly over as long as one takes, and what is ahead arrives evenly until the call does. What KV
   * memory cannot hold waits until enough of it has left.
   */
  #decode(stage: VisibleModelStage, engine: EngineState, arriveUs: number, ownKv: number): Decode {
    const { nowUs } = this.#known;
    const { index } = engine.holding;
    const costs = this.books.costsAt(index);
    const held = costs.models.get(stage.model) as ModelCosts;
    const { batching } = costs.engine;
    const sequences = sideBySide(stage, held, batching.maxSequences);
    const work = shareWork(stage, stage.items, sequences, stage.outputTokens);
    if (stage.kind === "embed") return { engine, freeUs: nowUs, decodeUs: 0 };
    if (batching.kind === "exclusive") return this.#decodeAlone(stage, engine, held);
    // Whoever takes the prompt in too has loaded the model for that.
    const loadedUs =
      engine.role === "decode" ? Math.max(nowUs, engine.loadEndUs) + missingLoadUs(this.#known, stage, engine) : nowUs;
    const book = this.books.at(index);
    const aheadCount = (this.books.aheadCount[index] as number) + (this.books.comingCount[index] as number);
    const aheadKv = (this.books.aheadKv[index] as number) + (this.books.comingKv[index] as number);
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
    return { engine, freeUs: loadedUs + Math.max(shortKv, shortPlaces) * stayUs, decodeUs };
  }

  #decodeAlone(stage: VisibleModelStage, engine: EngineState, held: ModelCosts): Decode {
    const { nowUs } = this.#known;
    const sequences = sideBySide(stage, held, engine.holding.engine.batching.maxSequences);
    const work = shareWork(stage, stage.items, sequences, stage.outputTokens);
    const steps = decodeStepsUs(held.rates, work.sequences, work.sequences * work.contextTokens, work.decodeSteps);
    const comingUs = (this.books.comingCount[engine.holding.index] as number) * steps;
    const loadUs = missingLoadUs(this.#known, stage, engine);
    const freeUs = engine.role === "decode" ? engine.freeAtUs(nowUs) + comingUs + loadUs : nowUs;
    return { engine, freeUs, decodeUs: steps * engine.slowFactor };
  }
}

function firstToEnd(decodes: readonly Decode[], arriveUs: number): Decode | undefined {
  let first: Decode | undefined;
  let firstUs = Infinity;
  for (const decode of decodes) {
    const endUs = Math.max(arriveUs, decode.freeUs) + decode.decodeUs;
    if (endUs >= firstUs) continue;
    first = decode;
    firstUs = endUs;
  }
  return first;
}
