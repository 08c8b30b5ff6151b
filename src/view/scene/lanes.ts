/** What each engine did when: spans of time in lanes, a lane for each share that it had side by side. */

import type { Cluster, EngineId } from "../../model/cluster.ts";
import type { JournalEvent } from "../../model/event.ts";
import type { ModelId } from "../../model/model.ts";
import type { StageKey } from "../../model/workflow.ts";
import type { Activity, EngineLanes, Span } from "./span.ts";

/** A share that holds a place, and what is seen of it now. */
type Held = {
  readonly lane: number;
  readonly name: Omit<Span, "activity" | "startUs" | "endUs">;
  span: Span;
  transfers: number;
};

type Engine = EngineLanes & {
  readonly busy: boolean[];
  readonly shares: Map<string, Held>;
  /** A load stands in the lane of the share that waits for it, or else in one of its own. */
  readonly loads: Map<ModelId, { readonly lane: number; readonly share: Held | undefined; span: Span }>;
  down: { readonly lane: number; readonly span: Span } | undefined;
};

/** Costs a few map operations a record. */
export class Lanes {
  readonly #engines: ReadonlyMap<EngineId, Engine>;
  /** Engines on which a stage holds places. */
  readonly #holders = new Map<StageKey, Set<Engine>>();
  readonly #modelOf = new Map<StageKey, ModelId>();
  /** Of stages that are divided. */
  readonly #sharesOf = new Map<StageKey, number>();
  readonly #most: number;
  #spans = 0;
  /** What was before is not kept any more. */
  cutUs = 0;

  /** `most`: so many spans are kept; beyond that the oldest go. */
  constructor({ engines }: Cluster, most: number) {
    this.#most = most;
    this.#engines = new Map(
      engines.map(({ id }) => [
        id,
        { engine: id, lanes: [], busy: [], shares: new Map(), loads: new Map(), down: undefined },
      ]),
    );
  }

  /** In the cluster's order. */
  get engines(): readonly EngineLanes[] {
    return [...this.#engines.values()];
  }

  lanesOf(engine: EngineId): readonly (readonly Span[])[] {
    return this.#engines.get(engine)?.lanes ?? [];
  }

  see(event: JournalEvent): void {
    switch (event.kind) {
      case "stage-reveal":
        if (event.stage.kind !== "tool") this.#modelOf.set(event.stage.key, event.stage.model);
        return;
      case "stage-place":
        if (event.shares.length > 1) this.#sharesOf.set(event.stage, event.shares.length);
        else this.#sharesOf.delete(event.stage);
        return;
      case "share-start":
        return this.#begin(event);
      case "model-load-start":
        return this.#load(event);
      case "model-load-end":
      case "model-evict":
        return this.#endLoad(event);
      case "transfer-start":
        return this.#transfer(event, 1);
      case "transfer-end":
        return this.#transfer(event, -1);
      case "prefill-start":
        return this.#change(event, "prefill");
      case "kv-transfer-start":
        return this.#change(event, "transfer");
      case "decode-start":
        return this.#change(event, "decode");
      case "prefill-end":
      case "kv-transfer-end":
      case "decode-end":
        return this.#change(event, "hold");
      case "share-preempt":
      case "share-end":
        return this.#end(this.#engines.get(event.engine), event.stage, event.share, event.atUs);
      case "stage-lost":
      case "stage-drop":
      case "stage-end":
        return this.#drop(event.stage, event.atUs);
      case "engine-down":
        return this.#down(event.engine, event.atUs);
      case "engine-up":
        return this.#up(event.engine, event.atUs);
      default:
    }
  }

  /** To be called with the stages of a workflow that is over. */
  forget(stages: Iterable<StageKey>): void {
    for (const key of stages) {
      this.#modelOf.delete(key);
      this.#sharesOf.delete(key);
    }
  }

  #begin(event: Extract<JournalEvent, { kind: "share-start" }>): void {
    const engine = this.#engines.get(event.engine);
    if (engine === undefined) return;
    const { stage, share, attempt, atUs } = event;
    const model = this.#modelOf.get(stage);
    const shares = this.#sharesOf.get(stage);
    const facts = { ...(model === undefined ? {} : { model }), ...(shares === undefined ? {} : { shares }) };
    const name = { stage, share, attempt, ...facts };
    const lane = takeLane(engine);
    const held: Held = {
      lane,
      name,
      transfers: 0,
      span: { activity: "hold", startUs: atUs, endUs: Infinity, ...name },
    };
    engine.lanes[lane]?.push(held.span);
    this.#count();
    engine.shares.set(nameOf(stage, share), held);
    let holders = this.#holders.get(stage);
    if (holders === undefined) this.#holders.set(stage, (holders = new Set()));
    holders.add(engine);
  }

  #load({ engine: id, model, atUs }: Extract<JournalEvent, { kind: "model-load-start" }>): void {
    const engine = this.#engines.get(id);
    if (engine === undefined || engine.loads.has(model)) return;
    const share = [...engine.shares.values()].find(
      ({ name, span }) => name.model === model && span.activity === "hold",
    );
    if (share !== undefined) {
      this.#turn(engine, share, "load", atUs);
      engine.loads.set(model, { lane: share.lane, share, span: share.span });
      return;
    }
    const lane = takeLane(engine);
    const span: Span = { activity: "load", startUs: atUs, endUs: Infinity, model };
    engine.lanes[lane]?.push(span);
    this.#count();
    engine.loads.set(model, { lane, share: undefined, span });
  }

  #endLoad({
    engine: id,
    model,
    atUs,
  }: {
    readonly engine: EngineId;
    readonly model: ModelId;
    readonly atUs: number;
  }): void {
    const engine = this.#engines.get(id);
    const load = engine?.loads.get(model);
    if (engine === undefined || load === undefined) return;
    engine.loads.delete(model);
    if (load.share === undefined) {
      close(engine, load.lane, load.span, atUs);
      engine.busy[load.lane] = false;
    } else if (load.share.span === load.span) this.#turn(engine, load.share, "hold", atUs);
  }

  #transfer(
    event: { readonly engine: EngineId; readonly stage: StageKey; readonly share: number; readonly atUs: number },
    more: 1 | -1,
  ): void {
    const engine = this.#engines.get(event.engine);
    const held = engine?.shares.get(nameOf(event.stage, event.share));
    if (engine === undefined || held === undefined) return;
    held.transfers = Math.max(0, held.transfers + more);
    if (held.transfers > 0 && held.span.activity === "hold") this.#turn(engine, held, "transfer", event.atUs);
    if (held.transfers === 0 && held.span.activity === "transfer") this.#turn(engine, held, "hold", event.atUs);
  }

  #change(
    event: { readonly engine: EngineId; readonly stage: StageKey; readonly share: number; readonly atUs: number },
    activity: Activity,
  ): void {
    const engine = this.#engines.get(event.engine);
    const held = engine?.shares.get(nameOf(event.stage, event.share));
    if (engine !== undefined && held !== undefined) this.#turn(engine, held, activity, event.atUs);
  }

  #turn(engine: Engine, held: Held, activity: Activity, atUs: number): void {
    close(engine, held.lane, held.span, atUs);
    held.span = { activity, startUs: atUs, endUs: Infinity, ...held.name };
    engine.lanes[held.lane]?.push(held.span);
    this.#count();
  }

  #end(engine: Engine | undefined, stage: StageKey, share: number, atUs: number): void {
    const name = nameOf(stage, share);
    const held = engine?.shares.get(name);
    if (engine === undefined || held === undefined) return;
    close(engine, held.lane, held.span, atUs);
    engine.busy[held.lane] = false;
    engine.shares.delete(name);
    // A load that another one waits for as well goes on in a lane of its own.
    for (const [model, load] of engine.loads) {
      if (load.share !== held || load.span !== held.span) continue;
      const lane = takeLane(engine);
      const span: Span = { activity: "load", startUs: atUs, endUs: Infinity, model };
      engine.lanes[lane]?.push(span);
      engine.loads.set(model, { lane, share: undefined, span });
    }
  }

  #drop(stage: StageKey, atUs: number): void {
    const holders = this.#holders.get(stage);
    if (holders === undefined) return;
    this.#holders.delete(stage);
    for (const engine of holders)
      for (const { name } of engine.shares.values())
        if (name.stage === stage) this.#end(engine, stage, name.share ?? 0, atUs);
  }

  #down(id: EngineId, atUs: number): void {
    const engine = this.#engines.get(id);
    if (engine === undefined || engine.down !== undefined) return;
    for (const { lane, span } of engine.loads.values()) {
      close(engine, lane, span, atUs);
      engine.busy[lane] = false;
    }
    engine.loads.clear();
    const span: Span = { activity: "down", startUs: atUs, endUs: Infinity };
    const lane = takeLane(engine);
    engine.lanes[lane]?.push(span);
    this.#count();
    engine.down = { lane, span };
  }

  #up(id: EngineId, atUs: number): void {
    const engine = this.#engines.get(id);
    if (engine?.down === undefined) return;
    close(engine, engine.down.lane, engine.down.span, atUs);
    engine.busy[engine.down.lane] = false;
    engine.down = undefined;
  }

  #count(): void {
    this.#spans += 1;
    if (this.#spans > this.#most) this.#cut();
  }

  /** The older half of each lane goes, so that it comes to a cut only after as many spans again. */
  #cut(): void {
    this.#spans = 0;
    for (const { lanes } of this.#engines.values()) {
      for (const lane of lanes) {
        const gone = lane.splice(0, lane.length >> 1);
        this.cutUs = Math.max(this.cutUs, gone.at(-1)?.endUs ?? 0);
        this.#spans += lane.length;
      }
    }
  }
}

function takeLane(engine: Engine): number {
  const free = engine.busy.indexOf(false);
  const lane = free < 0 ? engine.busy.length : free;
  engine.busy[lane] = true;
  engine.lanes[lane] ??= [];
  return lane;
}

/** A span of no length was none. */
function close(engine: Engine, lane: number, span: Span, atUs: number): void {
  span.endUs = atUs;
  const spans = engine.lanes[lane];
  if (span.startUs === atUs && spans?.at(-1) === span) spans.pop();
}

function nameOf(stage: StageKey, share: number): string {
  return `${share}#${stage}`;
}
