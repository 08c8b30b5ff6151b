/** The part of the ledger that concerns engines: what each holds, has queued, and runs. */

import type { CostModel } from "../cost/cost-model.ts";
import { shareWork, sideBySide, type ShareWork } from "../cost/share-work.ts";
import { sumTerms } from "../model/decision.ts";
import { mixesModels, type EngineId } from "../model/cluster.ts";
import type { JournalEvent, StagePlace, StageRedirect } from "../model/event.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import { fillingAt, inBatchOf, writtenBy } from "./filling.ts";
import { freshShare, newEngineRow, type EngineRow, type ShareRow, type ShareStep, type StageRow } from "./rows.ts";

/** What names a share in a record. */
export type ShareName = { readonly stage: string; readonly share: number; readonly engine: EngineId };

export class EngineBook implements Iterable<EngineRow> {
  readonly #rows = new Map<EngineId, EngineRow>();

  constructor(costs: CostModel) {
    for (const engine of costs.engines) this.#rows.set(engine.engine.id, newEngineRow(engine));
  }

  [Symbol.iterator](): Iterator<EngineRow> {
    return this.#rows.values();
  }

  find(id: EngineId): EngineRow | undefined {
    return this.#rows.get(id);
  }

  /** A share that holds a place on the engine which the record names. */
  running(name: ShareName): ShareRow | undefined {
    return this.#rows.get(name.engine)?.running.find(isNamed(name));
  }

  queued(name: ShareName): ShareRow | undefined {
    return this.#rows.get(name.engine)?.queue.find(isNamed(name));
  }

  enqueue(row: StageRow, stage: VisibleModelStage, place: StagePlace): void {
    for (const [share, { engine, items, cost }] of place.shares.entries()) {
      const pair = place.decodeEngine !== undefined && place.decodeEngine !== engine;
      if (pair) this.#expect(place.decodeEngine, 1);
      this.#rows.get(engine)?.queue.push({
        ...freshShare,
        row,
        stage,
        share,
        attempt: place.attempt,
        engine,
        items,
        phase: pair ? "prefill" : "whole",
        rank: place.rank,
        climb: place.climb ?? 0,
        overtakes: place.overtakes,
        order: place.sequence,
        sinceUs: place.atUs,
        expectedUs: sumTerms(cost) - (pair ? cost.decodeUs : 0),
        decodeUs: cost.decodeUs,
        decodeEngine: pair ? place.decodeEngine : undefined,
        inputs: new Map(),
      });
    }
  }

  apply(event: JournalEvent): void {
    switch (event.kind) {
      case "stage-redirect":
        return this.#redirect(event);
      case "share-start":
        return this.#start(event);
      case "share-preempt": {
        const engine = this.#rows.get(event.engine);
        const share = this.running(event);
        if (engine === undefined || share === undefined) return;
        engine.running.splice(engine.running.indexOf(share), 1);
        engine.queue.push({ ...share, ...freshShare, written: writtenBy(share), inputs: new Map() });
        return;
      }
      case "share-end": {
        const engine = this.#rows.get(event.engine);
        const share = this.running(event);
        if (engine === undefined || share === undefined) return;
        engine.running.splice(engine.running.indexOf(share), 1);
        this.#expect(share.decodeEngine, -1);
        return;
      }
      case "model-evict":
        this.#rows.get(event.engine)?.residents.delete(event.model);
        return;
      case "model-load-start": {
        const engine = this.#rows.get(event.engine);
        if (engine === undefined) return;
        const bytes = engine.costs.models.get(event.model)?.footprintBytes ?? 0;
        engine.residents.set(event.model, { bytes, loading: true, readySinceUs: event.atUs + event.durationUs });
        engine.loading = event.model;
        engine.loadDueUs = event.atUs + event.durationUs;
        return;
      }
      case "model-load-end": {
        const engine = this.#rows.get(event.engine);
        const resident = engine?.residents.get(event.model);
        if (engine === undefined || resident === undefined) return;
        resident.loading = false;
        resident.readySinceUs = event.atUs;
        engine.loading = undefined;
        engine.loadedUs = event.atUs;
        return;
      }
      case "transfer-start":
        this.running(event)?.inputs.set(event.parent, event.atUs + event.waitUs + event.durationUs);
        return;
      case "transfer-end": {
        const share = this.running(event);
        share?.inputs.delete(event.parent);
        if (share !== undefined) share.inputsUs = event.atUs;
        return;
      }
      case "prefill-start": {
        const share = this.#advance(event, "prefilling", event.atUs);
        if (share === undefined) return;
        share.promptTokens = event.promptTokens;
        share.cachedTokens = event.cachedTokens;
        share.promptDone = event.cachedTokens;
        share.promptLeft = event.promptTokens - event.cachedTokens;
        return;
      }
      case "prefill-end":
        this.#advance(event, "prefilled", event.atUs);
        return;
      case "kv-transfer-start": {
        const share = this.#advance(event, "sending", event.atUs);
        if (share !== undefined) share.dueUs = event.atUs + event.waitUs + event.durationUs;
        const sender = this.#rows.get(event.engine);
        if (sender !== undefined) sender.nicFreeUs = event.atUs + event.waitUs + event.durationUs;
        return;
      }
      case "kv-transfer-end": {
        const share = this.#advance(event, "sent", event.atUs);
        if (share === undefined) return;
        const moved: ShareRow = {
          ...share,
          ...freshShare,
          engine: event.to,
          phase: "decode",
          order: event.sequence,
          sinceUs: event.atUs,
          expectedUs: share.decodeUs,
          decodeEngine: undefined,
          inputs: new Map(),
        };
        this.#rows.get(event.to)?.queue.push(moved);
        this.#expect(share.decodeEngine, -1);
        share.decodeEngine = undefined;
        return;
      }
      case "decode-start":
        this.#advance(event, "decoding", event.atUs);
        return;
      case "decode-end":
        this.#advance(event, "decoded", event.atUs);
        return;
      case "batch-step": {
        const engine = this.#rows.get(event.engine);
        if (engine === undefined) return;
        const { prompts, decoders } = fillingAt(engine, event.model, event.startUs);
        for (const share of decoders) share.stepsDone += event.steps;
        for (const { share, tokens } of prompts) {
          share.promptLeft -= tokens;
          share.promptDone += tokens;
        }
        engine.lastStepUs.set(event.model, event.atUs);
        const carried = inBatchOf(engine, event.model, engine.ghosts);
        engine.ghosts = engine.ghosts.filter((ghost) => !carried.includes(ghost));
        // A step of another model may be under way for longer.
        if (mixesModels(engine.costs.engine)) return;
        while (engine.factors.length > 1 && (engine.factors[1]?.atUs ?? Infinity) <= event.atUs) engine.factors.shift();
        return;
      }
      case "stage-drop":
      case "stage-lost":
        return this.#dropStage(event.stage, event.atUs);
      case "engine-drain": {
        const engine = this.#rows.get(event.engine);
        if (engine !== undefined) engine.drained = true;
        return;
      }
      case "engine-down": {
        const engine = this.#rows.get(event.engine);
        if (engine === undefined) return;
        engine.up = false;
        engine.switching = undefined;
        engine.residents.clear();
        engine.loading = undefined;
        engine.ghosts = [];
        return;
      }
      case "engine-up": {
        const engine = this.#rows.get(event.engine);
        if (engine === undefined) return;
        engine.up = true;
        engine.drained = false;
        return;
      }
      case "engine-slow": {
        const engine = this.#rows.get(event.engine);
        if (engine === undefined) return;
        engine.factor = event.factor;
        if (engine.running.length + engine.ghosts.length === 0) engine.factors = [];
        engine.factors.push({ atUs: event.atUs, factor: event.factor });
        return;
      }
      case "role-switch-start": {
        const engine = this.#rows.get(event.engine);
        if (engine !== undefined) engine.switching = event.to;
        return;
      }
      case "role-switch-end": {
        const engine = this.#rows.get(event.engine);
        if (engine === undefined) return;
        engine.role = event.role;
        engine.switched = true;
        engine.switching = undefined;
        return;
      }
      default:
        return;
    }
  }

  #expect(id: EngineId | undefined, by: 1 | -1): void {
    const engine = id === undefined ? undefined : this.#rows.get(id);
    if (engine !== undefined) engine.incoming += by;
  }

  /** The share of a stage that another engine is to decode, as long as its KV has not set out. */
  unsent({ stage, engine }: Pick<ShareName, "stage" | "engine">): ShareRow | undefined {
    const row = this.#rows.get(engine);
    const isUnsent = (share: ShareRow): boolean =>
      share.row.stage.key === stage && share.decodeEngine !== undefined && share.step !== "sending";
    return row?.queue.find(isUnsent) ?? row?.running.find(isUnsent);
  }

  #redirect(event: StageRedirect): void {
    const share = this.unsent(event);
    if (share === undefined) return;
    this.#expect(share.decodeEngine, -1);
    this.#expect(event.decodeEngine, 1);
    share.decodeEngine = event.decodeEngine;
    share.decodeUs = event.decodeUs;
  }

  #start(event: Extract<JournalEvent, { kind: "share-start" }>): void {
    const engine = this.#rows.get(event.engine);
    const share = this.queued(event);
    if (engine === undefined || share === undefined) return;
    engine.queue.splice(engine.queue.indexOf(share), 1);
    engine.running.push(share);
    share.step = "started";
    share.stepUs = event.atUs;
    share.startUs = event.atUs;
    share.inputsUs = event.atUs;
    share.startSequence = event.sequence;
    share.kvTokens = event.kvTokens;
    share.work = this.workOf(engine, share);
  }

  /** What a share asks of an engine, its output left out: that is known when it has ended. */
  workOf(engine: EngineRow, { stage, items }: ShareRow): ShareWork | undefined {
    const held = engine.costs.models.get(stage.model);
    if (held === undefined) return undefined;
    const sequences = sideBySide(stage, held, engine.costs.engine.batching.maxSequences);
    return shareWork(stage, items, sequences, 0);
  }

  #advance(event: ShareName, step: ShareStep, atUs: number): ShareRow | undefined {
    const share = this.running(event);
    if (share === undefined) return undefined;
    share.step = step;
    share.stepUs = atUs;
    share.stepFactor = this.#rows.get(event.engine)?.factor ?? 1;
    return share;
  }

  /** A batch ends the iteration under way with what it has, even if a share in it is void. */
  #dropStage(key: string, atUs: number): void {
    for (const engine of this.#rows.values()) {
      for (const share of [...engine.queue, ...engine.running])
        if (share.row.stage.key === key) this.#expect(share.decodeEngine, -1);
      if (engine.queue.some((share) => share.row.stage.key === key))
        engine.queue = engine.queue.filter((share) => share.row.stage.key !== key);
      if (!engine.running.some((share) => share.row.stage.key === key)) continue;
      for (const share of engine.running) {
        if (share.row.stage.key !== key) continue;
        share.lostUs = atUs;
        const batched = engine.costs.engine.batching.kind === "batched";
        if (batched && (share.step === "prefilling" || share.step === "decoding")) engine.ghosts.push(share);
      }
      engine.running = engine.running.filter((share) => share.row.stage.key !== key);
    }
  }
}

function isNamed(name: ShareName): (share: ShareRow) => boolean {
  return (share) => share.share === name.share && share.row.stage.key === name.stage;
}
