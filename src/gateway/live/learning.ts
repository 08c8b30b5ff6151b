/** What ended shares and loads teach about an engine: turns observed durations into corrections of the cost model. */

import type { CostFactors } from "../../cost/correct.ts";
import { decodeStepsUs } from "../../cost/decode.ts";
import { prefillUs } from "../../cost/prefill.ts";
import type { Rates } from "../../cost/roofline.ts";
import type { EngineId } from "../../model/cluster.ts";
import type { ModelId } from "../../model/model.ts";
import { Corrections, type Learned, type Term } from "./corrections.ts";
import type { ShareResult } from "./driver.ts";
import type { ShareTurn } from "./turn.ts";
import type { World } from "./world.ts";

export class Learning {
  readonly #world: World;
  readonly #corrections: Corrections;

  /** `speedOf`: how many times faster than its GPU an engine is known to be. */
  constructor(world: World, speedOf: (engine: EngineId) => number) {
    this.#world = world;
    this.#corrections = new Corrections((engine) => 1 / speedOf(engine));
  }

  /** Writes down what is known from the start, and what has been learnt before the cluster changed. */
  tellKnown(): void {
    for (const { engine, models } of this.#world.baseCosts.engines) {
      for (const model of models.keys()) {
        const factors = this.#corrections.applied(engine.id, model);
        if (factors.load !== 1 || factors.prefill !== 1 || factors.decode !== 1)
          this.#world.correct(engine.id, model, factors);
      }
    }
  }

  /** The factors in use. */
  applied(engine: EngineId, model: ModelId): CostFactors {
    return this.#corrections.applied(engine, model);
  }

  /** What an earlier process has learnt. */
  recall(engine: EngineId, model: ModelId, factors: CostFactors): void {
    this.#corrections.inherit(engine, model, factors);
    this.#world.correct(engine, model, factors);
  }

  learned(engine: EngineId, model: ModelId): Learned {
    return this.#corrections.learned(engine, model);
  }

  onLoaded(engine: EngineId, model: ModelId, tookUs: number): void {
    const modelledUs = this.#world.baseCosts.engine(engine).models.get(model)?.loadUs ?? 0;
    this.#observe(engine, model, "load", tookUs, modelledUs);
  }

  /** Only what ran alone at its beginning tells how long taking in a prompt takes. */
  onPrefill(turn: ShareTurn, tookUs: number): void {
    const rates = this.#ratesOf(turn);
    if (rates === undefined || turn.beside > 0 || turn.items > 1) return;
    this.#observe(turn.engine, turn.model, "prefill", tookUs, promptUs(rates, turn));
  }

  onEnd(turn: ShareTurn, { outputTokens }: ShareResult): void {
    const rates = this.#ratesOf(turn);
    if (rates === undefined || turn.items > 1) return;
    const { nowUs } = this.#world;
    const streamed = turn.firstTokenUs >= 0 && turn.firstTokenUs < nowUs;
    const embeds = turn.stage.kind === "embed";
    if (turn.phase === "whole" && (streamed || embeds))
      this.onPrefill(turn, (streamed ? turn.firstTokenUs : nowUs) - turn.startUs);
    if (embeds || outputTokens < 2) return;
    // The batch is taken as it was at the beginning and is at the end, on average.
    const after = this.#world.state.cluster.engine(turn.engine).running.length;
    const sequences = 1 + Math.round((turn.beside + after) / 2);
    const decodeUs = decodeStepsUs(rates, sequences, sequences * turn.promptTokens, outputTokens - 1);
    const { prefill } = this.#corrections.applied(turn.engine, turn.model);
    const prefilledUs = turn.phase === "whole" ? prefill * promptUs(rates, turn) : 0;
    const tookUs = streamed ? nowUs - turn.firstTokenUs : nowUs - turn.startUs - prefilledUs;
    this.#observe(turn.engine, turn.model, "decode", tookUs, decodeUs);
  }

  #ratesOf({ engine, model, adopted }: ShareTurn): Rates | undefined {
    if (adopted) return undefined;
    return this.#world.baseCosts.engine(engine).models.get(model)?.rates;
  }

  #observe(engine: EngineId, model: ModelId, term: Term, tookUs: number, modelledUs: number): void {
    const factors = this.#corrections.observe(engine, model, term, tookUs, modelledUs);
    if (factors !== undefined) this.#world.correct(engine, model, factors);
  }
}

function promptUs(rates: Rates, { promptTokens, cachedTokens }: ShareTurn): number {
  return prefillUs(rates, promptTokens - cachedTokens, cachedTokens, 1);
}
