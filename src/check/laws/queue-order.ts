import type { Law } from "../law.ts";

/** Engines take shares in the order of rank, then of placement, and never idle while one waits. */
export const queueOrder: Law = {
  name: "queue-order",
  claim:
    "an engine takes the share with the smallest rank, of equal rank the one queued first; at the end of an instant no engine that is up has a queue but neither runs nor loads",
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
        for (const other of engine.queue) {
          if ((other.rank - own.rank || other.order - own.order) < 0)
            return report(
              `${event.stage} starts on ${event.engine} before ${other.row.stage.key}, which is ahead of it`,
            );
        }
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
