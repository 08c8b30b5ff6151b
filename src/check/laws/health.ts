import type { EngineId } from "../../model/cluster.ts";
import type { EventOf, Law } from "../law.ts";

/** An engine that is down does nothing, and what was on it or meant for it is declared lost first. */
export const health: Law = {
  name: "health",
  claim:
    "nothing starts, runs or ends on an engine that is down, and nothing starts on one that drains; before `engine-down`, every stage with a share on it or to be handed over to it is declared lost, and no other",
  scope: "any",
  watch: ({ ledger, report }) => {
    /** Stages declared lost, with the engines they were on: the next record but these must be the crash of one of them. */
    let lost: { readonly stage: string; readonly engines: readonly EngineId[] }[] = [];
    const alive = (event: { readonly kind: string; readonly engine: EngineId }): void => {
      if (ledger.engine(event.engine)?.up === false) report(`${event.kind} on ${event.engine}, which is down`);
    };
    const aliveBoth = (event: EventOf<"kv-transfer-start" | "kv-transfer-end">): void => {
      alive(event);
      if (ledger.engine(event.to)?.up === false) report(`${event.kind} to ${event.to}, which is down`);
    };
    return {
      any: (event) => {
        if (lost.length === 0 || event.kind === "engine-down") return;
        if (event.kind === "stage-lost" && event.reason === "engine-down") return;
        for (const { stage } of lost) report(`${stage} was declared lost, but no engine goes down`);
        lost = [];
      },
      "share-start": (event) => {
        alive(event);
        if (ledger.engine(event.engine)?.drained === true) report(`share-start on ${event.engine}, which drains`);
      },
      "model-evict": alive,
      "model-load-start": alive,
      "model-load-end": alive,
      "transfer-start": alive,
      "transfer-end": alive,
      "prefill-start": alive,
      "prefill-end": alive,
      "kv-transfer-start": aliveBoth,
      "kv-transfer-end": aliveBoth,
      "decode-start": alive,
      "decode-end": alive,
      "batch-step": alive,
      "share-preempt": alive,
      "share-end": alive,
      "prefix-retain": alive,
      "stage-lost": ({ stage, reason }) => {
        if (reason !== "engine-down") return;
        const engines = new Set<EngineId>();
        for (const engine of ledger.engines) {
          for (const share of [...engine.queue, ...engine.running]) {
            if (share.row.stage.key !== stage) continue;
            engines.add(share.engine);
            if (share.decodeEngine !== undefined) engines.add(share.decodeEngine);
          }
        }
        lost.push({ stage, engines: [...engines] });
      },
      "engine-down": ({ engine: id }) => {
        const engine = ledger.engine(id);
        for (const { stage, engines } of lost)
          if (!engines.includes(id)) report(`${stage} is declared lost with ${id}, where it has nothing`);
        lost = [];
        if (engine === undefined) return;
        if (!engine.up) report(`${id} goes down, but it is down`);
        for (const share of [...engine.queue, ...engine.running])
          report(`${id} goes down with ${share.row.stage.key}#${share.share}, which is not declared lost`);
        for (const other of ledger.engines) {
          for (const share of [...other.queue, ...other.running])
            if (share.decodeEngine === id)
              report(`${id} goes down, but ${share.row.stage.key}, to be handed over to it, is not declared lost`);
        }
      },
      "engine-drain": ({ engine: id }) => {
        const engine = ledger.engine(id);
        if (engine?.up === false || engine?.drained === true) report(`${id} drains, but it is down or drains`);
      },
      "engine-up": ({ engine: id }) => {
        const engine = ledger.engine(id);
        if (engine?.up === true && !engine.drained) report(`${id} comes up, but it is up`);
      },
      end: () => {
        for (const { stage } of lost) report(`${stage} was declared lost, but no engine goes down`);
      },
    };
  },
};
