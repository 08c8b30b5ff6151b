import { shareWork } from "../../cost/share-work.ts";
import type { Law, LawContext } from "../law.ts";
import { askedBy, beginOf, freeRoom, hasRoom } from "../room.ts";
import type { EngineRow, ShareRow } from "../rows.ts";

/** Engines take shares in the order of rank, then of placement, overtake only for want of memory, and never idle while one waits. */
export const queueOrder: Law = {
  name: "queue-order",
  claim:
    "an engine takes the share with the smallest rank, less what it has climbed, of equal rank the one queued first; another only if that lacks sequences or KV memory beside what runs of its model, and only one that may overtake: that fits, or fits and delays it not, is the first such in order, and leaves none behind that is overtaken no more; at the end of an instant no engine that is up has a queue but neither runs nor loads",
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
      }
      touched.clear();
    };
    const touch = (event: { readonly engine: string }): void => {
      touched.add(event.engine);
    };
    return {
      any: ({ atUs }) => {
        if (atUs === lastUs) return;
        lastUs = atUs;
        if (touched.size > 0) settle();
      },
      "share-start": (event) => {
        const engine = ledger.engine(event.engine);
        const own = ledger.engines.queued(event);
        if (engine === undefined || own === undefined) return;
        const first = nextOf(engine, event.atUs);
        if (first === undefined || first === own) return;
        const fault = faultOf({ ledger }, engine, first, own, event.atUs);
        const name = `${event.stage} starts on ${event.engine} before ${first.row.stage.key}, which is ahead of it`;
        if (fault !== undefined) report(`${name}, ${fault}`);
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

function nextOf({ queue }: EngineRow, nowUs: number): ShareRow | undefined {
  let next = queue[0];
  for (const share of queue) if (next !== undefined && isAhead(share, next, nowUs)) next = share;
  return next;
}

/** Why the share may not go past the first in order; undefined if it may. */
function faultOf(
  { ledger }: Pick<LawContext, "ledger">,
  engine: EngineRow,
  first: ShareRow,
  own: ShareRow,
  nowUs: number,
): string | undefined {
  const model = engine.running[0]?.stage.model;
  if (own.overtakes === undefined) return "and may not overtake";
  if (model === undefined || engine.costs.engine.batching.kind === "exclusive") return "with nothing in its way";
  if (first.stage.model !== model) return "which waits for another model";
  const free = freeRoom(engine);
  const askedFor = (share: ShareRow) => {
    const work = ledger.engines.workOf(engine, share);
    return work === undefined ? undefined : askedBy(engine, share, work);
  };
  const asked = askedFor(first);
  if (asked === undefined || hasRoom(free, asked)) return "for which there is room";
  const begin = beginOf(engine, asked, nowUs);
  const mayGo = (share: ShareRow): boolean => {
    const needed = share.stage.model === model ? askedFor(share) : undefined;
    if (share.overtakes === undefined || needed === undefined || !hasRoom(free, needed)) return false;
    if (share.overtakes === "if-it-fits" || nowUs + share.expectedUs <= begin.atUs) return true;
    const grown = shareWork(share.stage, share.items, needed.sequences, share.stage.outputTokens).kvTokens;
    return hasRoom(begin.spare, { ...needed, tokens: Math.max(needed.tokens, grown) });
  };
  if (!mayGo(own)) return "and delays it";
  for (const share of engine.queue) {
    if (share === own || !isAhead(share, own, nowUs)) continue;
    if (share.stage.model !== model) return `and before ${share.row.stage.key} of another model`;
    if (share !== first && mayGo(share)) return `and before ${share.row.stage.key}, which may too`;
    if (isAged(share, nowUs)) return `and before ${share.row.stage.key}, which is overtaken no more`;
  }
  return undefined;
}

function isAged({ sinceUs, expectedUs }: ShareRow, nowUs: number): boolean {
  return nowUs - sinceUs > Math.max(2_000_000, 4 * expectedUs);
}
