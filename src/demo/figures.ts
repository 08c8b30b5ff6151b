/**
 * What a run of a workload comes to, record by record, so that it can be shown while it runs and computed again from the journal.
 * All times are those of the machines described: what an emulation does faster is scaled back.
 */

import type { EngineId } from "../model/cluster.ts";
import type { JournalEvent } from "../model/event.ts";
import type { ModelId } from "../model/model.ts";
import type { VisibleStage } from "../model/visible.ts";
import type { StageKey, WorkflowId } from "../model/workflow.ts";
import { TokenCount } from "../measure/prompt-tokens.ts";

export type Figures = {
  /** From a workflow's first call to its last answer, as far as it has gone. */
  readonly spans: readonly WorkflowSpan[];
  readonly loads: number;
  readonly loadsByModel: Readonly<Record<ModelId, number>>;
  /** Time that engines spent on loading models instead of answering. */
  readonly loadUs: number;
  /** Time that calls waited while the engine that took them was loading a model, summed over calls. */
  readonly behindLoadsUs: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  /** Taken in although they had been computed before, as `src/measure` defines it. */
  readonly recomputedTokens: number;
  /** From ready to begun, of each call. */
  readonly waitsUs: readonly number[];
  /** Of each call, in the order in which they began. */
  readonly begins: readonly CallBegin[];
  /** Calls that are ready and have not begun. */
  readonly waiting: number;
  /** Calls that were answered. */
  readonly answered: number;
};

export type CallBegin = { readonly engine: EngineId; readonly readyUs: number; readonly atUs: number };

export type WorkflowSpan = { readonly workflow: WorkflowId; readonly startUs: number; readonly endUs: number };

type LoadTime = { readonly startUs: number; endUs: number };

export class FigureCount {
  readonly #speed: number;
  readonly #spans = new Map<WorkflowId, { startUs: number; endUs: number }>();
  readonly #stages = new Map<StageKey, VisibleStage>();
  readonly #tokens = new TokenCount((key) => this.#stages.get(key));
  readonly #readyUs = new Map<StageKey, number>();
  /** Of each engine, in order; the last one may be open. */
  readonly #loadsOf = new Map<EngineId, LoadTime[]>();
  readonly #loadsByModel = new Map<ModelId, number>();
  readonly #begins: CallBegin[] = [];
  #loads = 0;
  #loadUs = 0;
  #behindLoadsUs = 0;
  #answered = 0;

  constructor(speed: number) {
    this.#speed = speed;
  }

  see(event: JournalEvent): void {
    this.#tokens.see(event);
    switch (event.kind) {
      case "workflow-arrive":
        this.#spans.set(event.workflow, { startUs: event.atUs, endUs: event.atUs });
        return;
      case "stage-reveal":
        this.#stages.set(event.stage.key, event.stage);
        return;
      case "stage-ready":
        if (this.#stages.get(event.stage)?.kind !== "tool") this.#readyUs.set(event.stage, event.atUs);
        return;
      case "share-start":
        return this.#begin(event.stage, event.engine, event.atUs);
      case "stage-end":
        return this.#end(event.stage, event.atUs);
      case "stage-drop":
        this.#readyUs.delete(event.stage);
        return;
      case "model-load-start":
        // What a server turned out to hold was no load of ours.
        if (event.cause === "observed") return;
        this.#loads += 1;
        this.#loadsByModel.set(event.model, (this.#loadsByModel.get(event.model) ?? 0) + 1);
        this.#loadsOf.getOrInsertComputed(event.engine, () => []).push({ startUs: event.atUs, endUs: Infinity });
        return;
      case "model-load-end": {
        const load = this.#loadsOf.get(event.engine)?.at(-1);
        if (load?.endUs !== Infinity) return;
        load.endUs = event.atUs;
        this.#loadUs += load.endUs - load.startUs;
        return;
      }
      default:
    }
  }

  #begin(stage: StageKey, engine: EngineId, atUs: number): void {
    const readyUs = this.#readyUs.get(stage);
    if (readyUs === undefined) return;
    this.#readyUs.delete(stage);
    this.#begins.push({ engine, readyUs, atUs });
    const loads = this.#loadsOf.get(engine) ?? [];
    for (let index = loads.length - 1; index >= 0; index--) {
      const { startUs, endUs } = loads[index] as LoadTime;
      if (endUs <= readyUs) return;
      this.#behindLoadsUs += Math.min(endUs, atUs) - Math.max(startUs, readyUs);
    }
  }

  #end(key: StageKey, atUs: number): void {
    const stage = this.#stages.get(key);
    if (stage === undefined) return;
    if (stage.kind !== "tool") this.#answered += 1;
    const span = this.#spans.get(stage.workflow);
    if (span !== undefined) span.endUs = atUs;
  }

  read(): Figures {
    const { promptTokens, cachedTokens, recomputedTokens } = this.#tokens;
    const scaled = (us: number): number => us * this.#speed;
    return {
      spans: [...this.#spans].map(([workflow, { startUs, endUs }]) => ({
        workflow,
        startUs: scaled(startUs),
        endUs: scaled(endUs),
      })),
      loads: this.#loads,
      loadsByModel: Object.fromEntries(this.#loadsByModel),
      loadUs: scaled(this.#loadUs),
      behindLoadsUs: scaled(this.#behindLoadsUs),
      promptTokens,
      cachedTokens,
      recomputedTokens,
      waitsUs: this.#begins.map(({ readyUs, atUs }) => scaled(atUs - readyUs)),
      begins: this.#begins.map(({ engine, readyUs, atUs }) => ({
        engine,
        readyUs: scaled(readyUs),
        atUs: scaled(atUs),
      })),
      waiting: this.#readyUs.size,
      answered: this.#answered,
    };
  }
}
