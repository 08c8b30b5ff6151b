import type { ChainLink } from "../../model/prefix.ts";
import { chainHash } from "../../model/prefix.ts";
import type { EngineId } from "../../model/cluster.ts";
import type { ModelId } from "../../model/model.ts";
import type { WorkflowId } from "../../model/workflow.ts";
import type { Law } from "../law.ts";
import type { ShareRow } from "../rows.ts";

/**
 * No more is found in a prefix cache than an unlimited one could hold, and what is found ends at a link.
 * Memory: the hashes of shared text seen since a model was loaded; what belongs to one stage is forgotten with its workflow.
 */
export const prefix: Law = {
  name: "prefix",
  claim:
    "the cached tokens of a prompt are those of whole leading links that the engine has taken in or written for this model since it was loaded and since it last switched its role, at most all but one token of the prompt",
  scope: "model",
  watch: ({ ledger, report }) => {
    const caches = new Map<EngineId, Map<ModelId, Set<number>>>();
    const cacheOf = (engine: EngineId, model: ModelId): Set<number> => {
      let models = caches.get(engine);
      if (models === undefined) caches.set(engine, (models = new Map()));
      let cache = models.get(model);
      if (cache === undefined) models.set(model, (cache = new Set()));
      return cache;
    };
    /** Caches that a workflow has written to. */
    const writtenBy = new Map<WorkflowId, Set<Set<number>>>();
    const writableBy = (share: ShareRow): Set<number> => {
      const cache = cacheOf(share.engine, share.stage.model);
      const { id } = share.row.workflow;
      const written = writtenBy.get(id);
      if (written === undefined) writtenBy.set(id, new Set([cache]));
      else written.add(cache);
      return cache;
    };
    const close = (id: WorkflowId): void => {
      const written = writtenBy.get(id);
      writtenBy.delete(id);
      for (const { stage } of ledger.workflows.get(id)?.stages.values() ?? []) {
        if (stage.kind === "tool" || written === undefined) continue;
        const own = stage.chain.slice(stage.sharedLinks).map((link) => link.hash);
        own.push(outputHash(stage.chain, stage.key));
        for (const cache of written) for (const hash of own) cache.delete(hash);
      }
    };
    return {
      "prefill-start": (event) => {
        const share = ledger.engines.running(event);
        if (share?.work === undefined) return;
        const most = usableAt(share, (hash) => cacheOf(event.engine, share.stage.model).has(hash), event.cachedTokens);
        if (most !== undefined)
          report(`${event.stage}#${event.share} finds ${event.cachedTokens} cached tokens, ${most}`);
      },
      "prefill-end": (event) => {
        const share = ledger.engines.running(event);
        if (share === undefined) return;
        const { chain, sharedLinks, items } = share.stage;
        const links = items > 1 ? sharedLinks : chain.length;
        const cache = writableBy(share);
        for (let index = 0; index < links; index++) cache.add(chain[index]?.hash ?? 0);
      },
      "decode-end": (event) => {
        const share = ledger.engines.running(event);
        if (share?.phase !== "whole" || share.stage.items > 1) return;
        writableBy(share).add(outputHash(share.stage.chain, share.stage.key));
      },
      "model-evict": ({ engine, model }) => {
        caches.get(engine)?.delete(model);
      },
      "role-switch-end": ({ engine }) => {
        caches.delete(engine);
      },
      "engine-down": ({ engine }) => {
        caches.delete(engine);
      },
      "workflow-end": ({ workflow }) => close(workflow),
      "workflow-abandon": ({ workflow }) => close(workflow),
    };
  },
};

function outputHash(chain: readonly ChainLink[], stage: string): number {
  return chainHash(chain.at(-1)?.hash, `output:${stage}`);
}

/** Undefined if `found` is what some number of cached leading links gives, else what is wrong with it. */
function usableAt({ stage, work }: ShareRow, has: (hash: number) => boolean, found: number): string | undefined {
  if (work === undefined || found === 0) return undefined;
  const bound = work.sharedTokens - (work.ownTokens === 0 ? 1 : 0);
  let tokens = 0;
  for (const link of stage.chain) {
    if (!has(link.hash)) return `no more than ${Math.max(0, Math.min(tokens, bound))} can be`;
    tokens += link.tokens;
    if (Math.min(tokens, bound) === found) return undefined;
    if (tokens > found) return "which end inside a link";
  }
  return `no more than ${Math.max(0, bound)} can be`;
}
