import { shareWork } from "../../cost/share-work.ts";
import type { Law, LawContext } from "../law.ts";
import { mixesModels } from "../../model/cluster.ts";
import type { ModelId } from "../../model/model.ts";
import { askedBy, beginOf, freeRoom, hasRoom, type Room } from "../room.ts";
import type { EngineRow, ShareRow } from "../rows.ts";

type Books = Pick<LawContext, "ledger">;

/** Engines take shares in the order of rank, then of placement, overtake only for want of memory, and never idle while one waits. */
export const queueOrder: Law = {
  name: "queue-order",
  claim:
    "an engine takes the share with the smallest rank, less what it has climbed, of equal rank the one queued first; another only if that lacks sequences or KV memory beside what runs of its model, and only one that may overtake: that fits, or fits and delays it not, is the first such in order, and leaves none behind that is overtaken no more; where models are mixed, one of another model goes first only if what is ahead lacks KV memory, or sequences are left for it when its batch's iteration ends; at the end of an instant no engine that is up has a queue but neither runs nor loads, or mixes models and lets one wait that could join its model's batch",
  scope: "model",
  watch: ({ ledger, report }) => {
    let lastUs = 0;
    const touched = new Set<string>();
    const settle = (): void => {
      for (const id of touched) {
        const engine = ledger.engine(id);
        if (engine === undefined || !engine.up || engine.loading !== undefined) continue;
        if (engine.queue.length > 0 && engine.running.length + engine.ghosts.length === 0)
          report(`${id} idles with ${engine.queue.length} shares in its queue`);
        const idle = mixesModels(engine.costs.engine) ? idleOf({ ledger }, engine, lastUs) : undefined;
        if (idle !== undefined) report(`${id} lets ${idle.row.stage.key} wait, for which there is room`);
      }
      touched.clear();
    };
    const touch = (event: { readonly engine: string }): void => {
      touched.add(event.engine);
    };
    return {
      any: ({ atUs }) => {
        if (atUs === lastUs) return;
        if (touched.size > 0) settle();
        lastUs = atUs;
      },
      "share-start": (event) => {
        const engine = ledger.engine(event.engine);
        const own = ledger.engines.queued(event);
        if (engine === undefined || own === undefined) return;
        const fault = faultOf({ ledger }, engine, own, event.atUs);
        if (fault !== undefined) report(`${event.stage} starts on ${event.engine} ${fault}`);
      },
      "stage-place": (event) => {
        for (const share of event.shares) touched.add(share.engine);
      },
      "kv-transfer-end": (event) => {
        touched.add(event.to);
      },
      "share-end": touch,
      "share-preempt": touch,
      "model-load-end": touch,
      "engine-up": touch,
      "engine-down": touch,
      "stage-lost": ({ stage }) => {
        for (const share of ledger.stages.get(stage)?.place?.shares ?? []) touched.add(share.engine);
      },
      end: settle,
    };
  },
};

function isAhead(left: ShareRow, right: ShareRow, nowUs: number): boolean {
  const rank = (share: ShareRow): number => share.rank - (share.climb * nowUs) / 1e6;
  return (rank(left) - rank(right) || left.order - right.order) < 0;
}

/** Why the share may not start now; undefined if it may. */
function faultOf(context: Books, engine: EngineRow, own: ShareRow, nowUs: number): string | undefined {
  if (mixesModels(engine.costs.engine)) return faultOfMixed(context, engine, own, nowUs);
  const first = nextOf(engine, nowUs);
  if (first === undefined || first === own) return undefined;
  const fault = (reason: string): string => `before ${first.row.stage.key}, which is ahead of it, ${reason}`;
  const model = engine.running[0]?.stage.model;
  if (own.overtakes === undefined) return fault("and may not overtake");
  if (model === undefined || engine.costs.engine.batching.kind === "exclusive") return fault("with nothing in its way");
  if (first.stage.model !== model) return fault("which waits for another model");
  const found = faultOfOvertaking(context, engine, engine.queue, freeRoom(engine, model), first, own, nowUs);
  return found === undefined ? undefined : fault(found);
}

function nextOf({ queue }: EngineRow, nowUs: number): ShareRow | undefined {
  let next = queue[0];
  for (const share of queue) if (next !== undefined && isAhead(share, next, nowUs)) next = share;
  return next;
}

/** Where a batch per model runs, the first of each other model that is ahead must lack KV memory, or have its sequences kept for it. */
function faultOfMixed(context: Books, engine: EngineRow, own: ShareRow, nowUs: number): string | undefined {
  for (const { first, free, asked, waitsFor } of firstsOf(context, engine, nowUs)) {
    if (first === own) return asked.sequences > free.sequences ? "without sequences for it" : undefined;
    const fault = (reason: string): string => `before ${first.row.stage.key}, which is ahead of it, ${reason}`;
    const { model } = first.stage;
    if (model === own.stage.model) {
      if (own.overtakes === undefined) return fault("and may not overtake");
      const rivals =
        waitsFor === "sequences" ? engine.queue : engine.queue.filter(({ stage }) => stage.model === model);
      const found = faultOfOvertaking(context, engine, rivals, free, first, own, nowUs);
      return found === undefined ? undefined : fault(found);
    }
    if (waitsFor === "nothing") return fault("for which there is room");
    if (waitsFor === "a load" || waitsFor === "sequences") return fault(`which waits for ${waitsFor}`);
  }
  return undefined;
}

/** What is kept waiting on an engine that runs a batch per model, though it could have joined the one of its model. */
function idleOf(context: Books, engine: EngineRow, nowUs: number): ShareRow | undefined {
  for (const { first, waitsFor } of firstsOf(context, engine, nowUs)) {
    if (waitsFor === "nothing") return first;
    if (waitsFor === "a load" || waitsFor === "sequences") return undefined;
  }
  return undefined;
}

type First = {
  readonly first: ShareRow;
  readonly asked: Room;
  /** Less the sequences kept for those ahead of it that wait for an iteration's end. */
  readonly free: Room;
  readonly waitsFor: "a load" | "sequences" | "memory" | "an iteration" | "nothing";
};

/** The first of each model in the queue's order. */
function* firstsOf(context: Books, engine: EngineRow, nowUs: number): Generator<First> {
  const { queue, running, residents, costs } = engine;
  const byStep = costs.engine.batching.kind === "batched" && costs.engine.batching.admission === "by-step";
  const seen = new Set<ModelId>();
  let kept = 0;
  for (const first of queue.toSorted((left, right) => (isAhead(left, right, nowUs) ? -1 : 1))) {
    const { model } = first.stage;
    const asked = askedFor(context, engine, first);
    if (seen.has(model) || asked === undefined) continue;
    seen.add(model);
    const room = freeRoom(engine, model);
    const free = { ...room, sequences: room.sequences - kept };
    if (residents.get(model)?.loading !== false) yield { first, asked, free, waitsFor: "a load" };
    else if (asked.sequences > free.sequences) yield { first, asked, free, waitsFor: "sequences" };
    else if (asked.tokens > free.tokens && running.some(({ stage }) => stage.model === model))
      yield { first, asked, free, waitsFor: "memory" };
    else {
      // By steps it may also lack room in the next one.
      const waits = byStep || isUnderWay(engine, model);
      yield { first, asked, free, waitsFor: waits ? "an iteration" : "nothing" };
      kept += asked.sequences;
    }
  }
}

/** Whether an iteration of the model may be under way, during which nothing joins. */
function isUnderWay({ running, ghosts }: EngineRow, model: ModelId): boolean {
  const isOpen = ({ stage, step }: ShareRow): boolean =>
    stage.model === model && (step === "prefilling" || step === "decoding");
  return running.some(isOpen) || ghosts.some(isOpen);
}

/** Why the share may not go past the first of those queued, which is of its model; undefined if it may. */
function faultOfOvertaking(
  context: Books,
  engine: EngineRow,
  queue: readonly ShareRow[],
  free: Room,
  first: ShareRow,
  own: ShareRow,
  nowUs: number,
): string | undefined {
  const { model } = first.stage;
  const asked = askedFor(context, engine, first);
  if (asked === undefined || hasRoom(free, asked)) return "for which there is room";
  const begin = beginOf(engine, model, free, asked, nowUs);
  const mayGo = (share: ShareRow): boolean => {
    const needed = share.stage.model === model ? askedFor(context, engine, share) : undefined;
    if (share.overtakes === undefined || needed === undefined || !hasRoom(free, needed)) return false;
    if (share.overtakes === "if-it-fits" || nowUs + share.expectedUs <= begin.atUs) return true;
    const grown = shareWork(share.stage, share.items, needed.sequences, share.stage.outputTokens).kvTokens;
    return hasRoom(begin.spare, { ...needed, tokens: Math.max(needed.tokens, grown) });
  };
  if (!mayGo(own)) return "and delays it";
  for (const share of queue) {
    if (share === own || !isAhead(share, own, nowUs)) continue;
    if (share.stage.model !== model) return `and before ${share.row.stage.key} of another model`;
    if (share !== first && mayGo(share)) return `and before ${share.row.stage.key}, which may too`;
    if (isAged(share, nowUs)) return `and before ${share.row.stage.key}, which is overtaken no more`;
  }
  return undefined;
}

function askedFor({ ledger }: Books, engine: EngineRow, share: ShareRow): Room | undefined {
  const work = ledger.engines.workOf(engine, share);
  return work === undefined ? undefined : askedBy(engine, share, work);
}

function isAged({ sinceUs, expectedUs }: ShareRow, nowUs: number): boolean {
  return nowUs - sinceUs > Math.max(2_000_000, 4 * expectedUs);
}
