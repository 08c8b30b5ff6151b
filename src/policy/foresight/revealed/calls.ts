/**
 * The calls that wait or are likely to come as flat arrays for forecasts: what has to end before each, and how long it takes on each
 * engine. Models and engines are numbers.
 */

import { inputTransferUs, isFeasible } from "../../../cost/candidate.ts";
import { decodeStepsUs } from "../../../cost/decode.ts";
import { sharePrefillUs } from "../../../cost/phase.ts";
import { shareWork, sideBySide } from "../../../cost/share-work.ts";
import type { ModelId } from "../../../model/model.ts";
import type { VisibleModelStage } from "../../../model/visible.ts";
import type { EngineState } from "../../../state/engine-state.ts";
import type { View } from "../../policy.ts";
import type { ExpectedCall } from "./expected.ts";
import { later } from "./fleet.ts";
import type { History } from "./history.ts";

export type Calls = {
  readonly count: number;
  readonly model: Int32Array;
  readonly priority: Float64Array;
  /** What has to end before, or -1. */
  readonly parent: Int32Array;
  /** When it is ready; with a parent, how long after that. */
  readonly readyUs: Float64Array;
  /** By call and engine: places that it takes, one for each sequence, and KV memory. */
  readonly places: Int32Array;
  readonly kvTokens: Float64Array;
  /** By call and engine; an Infinity of prefill where it may not go. */
  readonly prefillUs: Float64Array;
  readonly decodeUs: Float64Array;
  readonly besideUs: Float64Array;
  /** Until its inputs are there, from when it begins. */
  readonly inputsUs: Float64Array;
};

/** What takes less than this to be there does not count: engines that are alike but for it stay in their order. */
const leastInputsUs = 10_000;

type Work = {
  readonly places: number;
  readonly kvTokens: number;
  readonly prefillUs: number;
  readonly decodeUs: number;
  readonly besideUs: number;
  readonly inputsUs: number;
};

/** Lays the calls of one scene, time after time: what a call takes is worked out once. */
export class CallsLayer {
  readonly #view: View;
  readonly #engines: readonly EngineState[];
  readonly #numbers: ReadonlyMap<ModelId, number>;
  readonly #history: History;
  /** By key, of what runs or is queued: when that is expected to end. */
  readonly #endsUs = new Map<string, number>();
  /** By engine and model: what a call takes of which nothing else is known. */
  readonly #usual = new Map<string, Work | undefined>();
  #ready: readonly (readonly (Work | undefined)[])[] | undefined;

  constructor(view: View, engines: readonly EngineState[], numbers: ReadonlyMap<ModelId, number>, history: History) {
    this.#view = view;
    this.#engines = engines;
    this.#numbers = numbers;
    this.#history = history;
    for (const engine of engines) {
      for (const { stage, startUs, expectedUs } of engine.running)
        this.#endsUs.set(stage.key, later(view.nowUs, startUs + expectedUs));
      for (const { stage, expectedUs } of engine.queue)
        this.#endsUs.set(stage.key, Math.max(view.nowUs, engine.loadEndUs) + expectedUs);
    }
  }

  calls(ready: readonly VisibleModelStage[], expected: readonly ExpectedCall[]): Calls {
    const { nowUs, workflows } = this.#view;
    const count = ready.length + expected.length;
    const cells = count * this.#engines.length;
    const calls = {
      count,
      model: new Int32Array(count),
      priority: new Float64Array(count),
      parent: new Int32Array(count).fill(-1),
      readyUs: new Float64Array(count),
      places: new Int32Array(cells),
      kvTokens: new Float64Array(cells),
      prefillUs: new Float64Array(cells).fill(Infinity),
      decodeUs: new Float64Array(cells),
      besideUs: new Float64Array(cells),
      inputsUs: new Float64Array(cells),
    };
    const put = (call: number, engine: number, work: Work | undefined): void => {
      if (work === undefined) return;
      const cell = call * this.#engines.length + engine;
      calls.places[cell] = work.places;
      calls.kvTokens[cell] = work.kvTokens;
      calls.prefillUs[cell] = work.prefillUs;
      calls.decodeUs[cell] = work.decodeUs;
      calls.besideUs[cell] = work.besideUs;
      calls.inputsUs[cell] = work.inputsUs;
    };
    this.#ready ??= ready.map((stage) => this.#engines.map((engine) => this.#workOf(stage, engine)));
    const positions = new Map<string, number>();
    for (const [call, stage] of ready.entries()) {
      positions.set(stage.key, call);
      calls.model[call] = this.#numbers.get(stage.model) ?? 0;
      calls.priority[call] = stage.priority;
      calls.readyUs[call] = workflows.node(stage.key).readyUs;
      for (const [engine, work] of (this.#ready[call] ?? []).entries()) put(call, engine, work);
    }
    for (const [index, { model, parent, gapUs }] of expected.entries()) {
      const call = ready.length + index;
      calls.model[call] = this.#numbers.get(model) ?? 0;
      calls.readyUs[call] = nowUs + gapUs;
      if (parent !== undefined && "position" in parent) {
        calls.parent[call] = ready.length + parent.position;
        calls.readyUs[call] = gapUs;
      } else if (parent !== undefined) {
        const position = positions.get(parent.key);
        if (position !== undefined) {
          calls.parent[call] = position;
          calls.readyUs[call] = gapUs;
        } else calls.readyUs[call] = (this.#endsUs.get(parent.key) ?? nowUs) + gapUs;
      }
      for (const [engine, state] of this.#engines.entries()) put(call, engine, this.#usualWork(model, state));
    }
    return calls;
  }

  #usualWork(model: ModelId, engine: EngineState): Work | undefined {
    const key = `${engine.holding.index} ${model}`;
    if (this.#usual.has(key)) return this.#usual.get(key);
    const size = this.#history.sizes[model];
    const promptTokens = Math.ceil(size?.promptTokens ?? 1000);
    const outputTokens = Math.ceil(size?.outputTokens ?? 200);
    const base = { key: "", workflow: "", id: "", ordinal: 0, parents: [], priority: 0, chain: [], sharedLinks: 0 };
    const stage: VisibleModelStage = {
      ...base,
      kind: outputTokens === 0 ? "embed" : "llm",
      model,
      promptTokens,
      outputTokens,
      limitTokens: outputTokens,
      items: 1,
    };
    const work = engine.open ? this.#work(stage, engine) : undefined;
    this.#usual.set(key, work);
    return work;
  }

  #workOf(stage: VisibleModelStage, engine: EngineState): Work | undefined {
    return isFeasible(this.#view, stage, engine) ? this.#work(stage, engine) : undefined;
  }

  #work(stage: VisibleModelStage, engine: EngineState): Work | undefined {
    const held = this.#view.costs.engines[engine.holding.index]?.models.get(stage.model);
    if (held === undefined) return undefined;
    const { batching } = engine.holding.engine;
    const work = shareWork(stage, stage.items, sideBySide(stage, held, batching.maxSequences), stage.outputTokens);
    const slow = engine.slowFactor;
    const prefillUs = slow * sharePrefillUs(held.rates, work, stage.items, engine.cachedTokens(stage));
    const transferUs = inputTransferUs(this.#view, stage, engine);
    const inputsUs = transferUs < leastInputsUs ? 0 : transferUs;
    const { sequences, kvTokens, contextTokens, decodeSteps } = work;
    const asked = { places: sequences, kvTokens };
    if (stage.kind === "embed") return { ...asked, prefillUs, decodeUs: 0, besideUs: 0, inputsUs };
    const decodeUs = slow * decodeStepsUs(held.rates, sequences, sequences * contextTokens, decodeSteps);
    const fullerUs = slow * decodeStepsUs(held.rates, sequences + 1, (sequences + 1) * contextTokens, decodeSteps);
    return { ...asked, prefillUs, decodeUs, besideUs: fullerUs - decodeUs, inputsUs };
  }
}
