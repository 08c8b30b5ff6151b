/** The part of `apply` that concerns engines and links. A stale observation is this, applied late; a lookahead is this, applied to a fork. */

import { strict as assert } from "node:assert";
import { routeId } from "../model/cluster.ts";
import type { JournalEvent } from "../model/event.ts";
import { chainHash } from "../model/prefix.ts";
import type { VisibleModelStage, VisibleStage } from "../model/visible.ts";
import type { StageKey } from "../model/workflow.ts";
import type { ClusterState } from "./cluster-state.ts";
import type { EngineState } from "./engine-state.ts";
import {
  changeRunning,
  dropShares,
  endShare,
  enqueueShares,
  findRunning,
  foreseeNothingNew,
  handOver,
  preemptShare,
  redirectShare,
  startShare,
} from "./shares.ts";

/** `stageOf` finds the stage that a placement names, as it was known when it was placed. */
export function applyToCluster(
  cluster: ClusterState,
  stageOf: (key: StageKey) => VisibleStage,
  event: JournalEvent,
): void {
  switch (event.kind) {
    case "stage-place":
      return enqueueShares(cluster, stageOf(event.stage), event);
    case "stage-redirect":
      return redirectShare(cluster, event);
    case "share-start":
      return startShare(cluster.change(event.engine), event);
    case "share-preempt":
      return preemptShare(cluster.change(event.engine), event);
    case "share-end":
      return endShare(cluster, event);
    case "model-evict": {
      const engine = cluster.change(event.engine);
      engine.residents = engine.residents.filter((resident) => resident.model !== event.model);
      engine.dropPrefixes(event.model);
      foreseeNothingNew(engine);
      return;
    }
    case "model-load-start": {
      const engine = cluster.change(event.engine);
      const bytes = engine.holding.models.get(event.model)?.footprintBytes ?? 0;
      engine.residents = [...engine.residents, { model: event.model, bytes, loading: true }];
      engine.loadEndUs = event.atUs + event.durationUs;
      foreseeNothingNew(engine);
      return;
    }
    case "model-load-end": {
      const engine = cluster.change(event.engine);
      engine.residents = engine.residents.map((resident) =>
        resident.model === event.model ? { ...resident, loading: false } : resident,
      );
      engine.loadEndUs = 0;
      foreseeNothingNew(engine);
      return;
    }
    case "transfer-start":
      cluster.occupyLink(routeId(event.via, event.from, event.to), event.atUs + event.waitUs + event.durationUs);
      return;
    case "prefill-end": {
      const engine = cluster.change(event.engine);
      const { stage, items } = changeRunning(engine, event, { prefilledUs: event.atUs });
      // Several items share their common prefix and nothing else that could be found again.
      const links = items > 1 || stage.items > 1 ? stage.sharedLinks : stage.chain.length;
      cachePrompt(engine, stage, links, event.atUs);
      return;
    }
    case "kv-transfer-start": {
      const engine = cluster.change(event.engine);
      engine.nicFreeAtUs = event.atUs + event.waitUs + event.durationUs;
      changeRunning(engine, event, { arriveUs: engine.nicFreeAtUs });
      return;
    }
    case "kv-transfer-end":
      return handOver(cluster, event.engine, event.to, event);
    case "decode-end": {
      const engine = cluster.change(event.engine);
      const { stage, phase } = findRunning(engine, event);
      if (cluster.linksOutputs && phase === "whole" && stage.items === 1)
        cacheOutput(engine, stage, event.outputTokens, event.atUs);
      return;
    }
    case "prefix-retain":
      cluster.change(event.engine).changePrefixes(event.model).retain(event.hash, event.untilUs);
      return;
    case "prefix-drop": {
      const engine = cluster.change(event.engine);
      if (event.hash === undefined) engine.dropPrefixes(event.model);
      else if (engine.prefixes.has(event.model)) engine.changePrefixes(event.model).drop(event.hash);
      return;
    }
    case "prefix-restore": {
      const engine = cluster.change(event.engine);
      engine.dropPrefixes(event.model);
      const cache = engine.changePrefixes(event.model);
      cache.restore(event.links.map(([hash = 0, tokens = 0, parent = -1]) => [hash, tokens, parent]));
      cache.shrink(engine.prefixBudgetTokens(event.model), event.atUs);
      return;
    }
    case "stage-drop":
    case "stage-lost":
      return dropShares(cluster, event);
    case "engine-drain":
      cluster.change(event.engine).up = false;
      return;
    case "engine-down": {
      const engine = cluster.change(event.engine);
      assert(
        engine.queue.length === 0 && engine.running.length === 0,
        `engine ${event.engine} goes down with shares that are not declared lost`,
      );
      engine.up = false;
      engine.switching = undefined;
      for (const { model } of engine.residents) engine.dropPrefixes(model);
      engine.residents = [];
      engine.foreseen = [];
      engine.loadEndUs = 0;
      return;
    }
    case "engine-up":
      cluster.change(event.engine).up = true;
      return;
    case "engine-slow":
      cluster.change(event.engine).slowFactor = event.factor;
      return;
    case "role-switch-start":
      cluster.change(event.engine).switching = event.to;
      return;
    case "role-switch-end": {
      const engine = cluster.change(event.engine);
      engine.role = event.role;
      engine.roleSinceUs = event.atUs;
      engine.switching = undefined;
      for (const model of engine.prefixes.keys()) engine.dropPrefixes(model);
      return;
    }
    default:
      return;
  }
}

function cachePrompt(engine: EngineState, stage: VisibleModelStage, links: number, nowUs: number): void {
  engine.changePrefixes(stage.model).insert(stage.chain, links, engine.prefixBudgetTokens(stage.model), nowUs);
}

function cacheOutput(engine: EngineState, stage: VisibleModelStage, outputTokens: number, nowUs: number): void {
  const hash = chainHash(stage.chain.at(-1)?.hash, `output:${stage.key}`);
  const chain = [...stage.chain, { hash, tokens: outputTokens }];
  engine.changePrefixes(stage.model).insert(chain, chain.length, engine.prefixBudgetTokens(stage.model), nowUs);
}
