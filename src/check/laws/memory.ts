import type { EngineId } from "../../model/cluster.ts";
import type { ModelId } from "../../model/model.ts";
import type { Law } from "../law.ts";
import type { EngineRow } from "../rows.ts";

/** Models that are held fit, models that are used are held, and nothing is given up that is in use or need not go. */
export const memory: Law = {
  name: "memory",
  claim:
    "the models resident or loading on an engine fit its memory and `maxResident`; only resident models are used; nothing is evicted while in use, or for room that was there; a load is for the share that waits for it, or on an idle engine",
  scope: "any",
  watch: ({ header, ledger, report, costs }) => {
    const wall = header.clock === "wall";
    /** Evictions for room, until the load they make room for: they follow each other without a record between. */
    let madeRoom: { readonly engine: EngineId; readonly model: ModelId } | undefined;
    /** The engine whose models were evicted because it goes down: that comes next. */
    let lostWith: EngineId | undefined;
    for (const engine of ledger.engines) {
      const fault = findOverflow(engine, 0, 0);
      if (fault !== undefined) report(`${engine.costs.engine.id} begins with ${fault}`);
    }
    const use = (event: { readonly kind: string; readonly engine: EngineId }, model: ModelId | undefined): void => {
      const resident = model === undefined ? undefined : ledger.engine(event.engine)?.residents.get(model);
      if (model !== undefined && resident?.loading !== false)
        report(`${event.kind} uses ${model}, which is not resident on ${event.engine}`);
    };
    const useOfShare = (event: { kind: string; stage: string; share: number; engine: EngineId }): void =>
      use(event, ledger.engines.running(event)?.stage.model);
    return {
      any: (event) => {
        if (lostWith !== undefined && event.kind !== "model-evict") {
          if (event.kind !== "engine-down" || event.engine !== lostWith)
            report(`models of ${lostWith} were lost with it, but it does not go down`);
          lostWith = undefined;
        }
        if (madeRoom === undefined) return;
        const follows = event.kind === "model-evict" ? event.cause === "room" : event.kind === "model-load-start";
        if (!follows || !("engine" in event) || event.engine !== madeRoom.engine) {
          report(`${madeRoom.model} was evicted from ${madeRoom.engine} for room that nothing takes`);
          madeRoom = undefined;
        }
      },
      "model-evict": ({ engine: id, model, cause }) => {
        const engine = ledger.engine(id);
        if (engine === undefined) return;
        const resident = engine.residents.get(model);
        if (resident === undefined) report(`${model} is evicted from ${id}, where it is not resident`);
        else if (resident.loading) report(`${model} is evicted from ${id} while it is being loaded`);
        if (engine.running.some((share) => share.stage.model === model && share.step !== "sent"))
          report(`${model} is evicted from ${id} while it is in use`);
        if (cause === "engine-down") lostWith = id;
        if (cause === "room") madeRoom = { engine: id, model };
      },
      "model-load-start": (event) => {
        const engine = ledger.engine(event.engine);
        const held = engine?.costs.models.get(event.model);
        const lastVictim = madeRoom;
        madeRoom = undefined;
        if (engine === undefined || held === undefined) return;
        if (event.bytes !== held.model.weightBytes)
          report(`${event.model} loads ${event.bytes} bytes, its weights are ${held.model.weightBytes}`);
        if (engine.residents.has(event.model)) report(`${event.model} is loaded on ${event.engine}, which holds it`);
        if (engine.loading !== undefined) report(`${event.engine} loads two models at once`);
        const fault = findOverflow(engine, held.footprintBytes, 1);
        if (fault !== undefined) report(`${event.engine} with ${event.model} holds ${fault}`);
        if (lastVictim !== undefined) {
          const victimBytes = engine.costs.models.get(lastVictim.model)?.footprintBytes ?? 0;
          if (findOverflow(engine, held.footprintBytes + victimBytes, 2) === undefined)
            report(`${lastVictim.model} was evicted from ${event.engine}, though ${event.model} fits beside it`);
        }
        if (event.cause === "prefetch") {
          if (engine.queue.length + engine.running.length > 0) report(`${event.engine} prefetches while it has work`);
        } else if (event.cause === "stage" && !waitsForLoad(engine, event.model, wall)) {
          report(`${event.engine} loads ${event.model} for a stage, but no share waits for it`);
        }
      },
      "model-load-end": ({ engine, model }) => {
        if (ledger.engine(engine)?.loading !== model) report(`${engine} ends a load of ${model} that is not under way`);
      },
      "share-start": (event) => {
        const engine = ledger.engine(event.engine);
        if (engine?.loading !== undefined) report(`${event.stage} starts on ${event.engine} during a load`);
        if (engine?.costs.engine.batching.kind === "batched") use(event, ledger.engines.queued(event)?.stage.model);
      },
      "transfer-start": useOfShare,
      "prefill-start": useOfShare,
      "prefill-end": useOfShare,
      "decode-start": useOfShare,
      "decode-end": useOfShare,
      "batch-step": (event) => use(event, event.model),
      "prefix-retain": (event) => use(event, event.model),
      end: () => {
        if (madeRoom !== undefined) report(`${madeRoom.model} was evicted for room that nothing takes`);
        if (lostWith !== undefined) report(`models of ${lostWith} were lost with it, but it does not go down`);
        for (const { residents, costs: own } of ledger.engines) {
          for (const model of residents.keys())
            if (!costs.models.has(model)) report(`${own.engine.id} holds unknown ${model}`);
        }
      },
    };
  },
};

/** What is too much, if `moreBytes` and `moreModels` came on top; undefined if all fits. */
function findOverflow({ residents, costs }: EngineRow, moreBytes: number, moreModels: number): string | undefined {
  let bytes = moreBytes;
  for (const resident of residents.values()) bytes += resident.bytes;
  if (bytes > costs.memoryBytes) return `${bytes} bytes of ${costs.memoryBytes}`;
  const count = residents.size + moreModels;
  return count > costs.engine.maxResident ? `${count} models of ${costs.engine.maxResident}` : undefined;
}

/** An exclusive engine loads for the share that has started; a batched one, and any real one, for a share in its queue. */
function waitsForLoad({ costs, running, queue }: EngineRow, model: ModelId, wall: boolean): boolean {
  if (costs.engine.batching.kind === "exclusive" && !wall)
    return running.length === 1 && running[0]?.step === "started" && running[0].stage.model === model;
  return running.length === 0 && queue.some((share) => share.stage.model === model);
}
