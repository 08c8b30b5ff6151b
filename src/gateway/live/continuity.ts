/** How the live world goes on: in another file of the journal, on a planning thread that begins, and with another cluster. */

import type { Calibration } from "../../cost/calibration.ts";
import { canServe } from "../../cost/candidate.ts";
import { createCostModel, type CostModel } from "../../cost/cost-model.ts";
import type { Cluster } from "../../model/cluster.ts";
import type { JournalEvent } from "../../model/event.ts";
import type { Model, ModelId } from "../../model/model.ts";
import { createState } from "../../state/apply.ts";
import type { ClusterState } from "../../state/cluster-state.ts";
import type { EngineState } from "../../state/engine-state.ts";
import type { Adapter } from "../adapter/adapter.ts";
import { copyCaches } from "./cache-copy.ts";
import type { EngineDesk } from "./engine-desk.ts";
import type { EngineDesks } from "./engine-desks.ts";
import type { Learning } from "./learning.ts";
import { createPrelude, type Progress } from "./prelude.ts";
import { stamp, takePrelude, tellLasting, toHeader, toOpening, toSnapshot, type Retold } from "./retelling.ts";
import type { Snapshot } from "./planning-line.ts";
import type { Open, StageDesk } from "./stage-desk.ts";
import { pickTold, type Stays } from "./stand-in.ts";
import { takeOver, type Recall } from "./take-over.ts";
import type { World } from "./world.ts";

export type ContinuityHost = {
  readonly world: World;
  readonly seed: number;
  readonly policy: () => string;
  /** What the policy has learnt that outlives its workflows. JSON. */
  readonly lasting: () => string | undefined;
  readonly calibration: Calibration;
  readonly learning: Learning;
  readonly stages: StageDesk;
};

export type Shape = {
  readonly cluster: Cluster;
  readonly models: readonly Model[];
  readonly adapters: readonly Adapter[];
};

export class Continuity {
  readonly #host: ContinuityHost;
  #cluster: Cluster;
  #models: readonly Model[];

  constructor(host: ContinuityHost, cluster: Cluster, models: readonly Model[]) {
    this.#host = host;
    this.#cluster = cluster;
    this.#models = models;
  }

  header = (firstSequence?: number) => toHeader(this.#retold(), firstSequence);

  prelude = (): readonly JournalEvent[] => takePrelude(this.#retold());

  snapshot = (): Snapshot => toSnapshot(this.#retold());

  opening = (): string => toOpening(this.#retold());

  /** To be called within a moment. */
  takeOver(recall: Recall, desks: EngineDesks): void {
    const { world, learning, calibration } = this.#host;
    takeOver(recall, { world, desks, learning, calibration, cluster: this.#cluster, models: this.#models });
  }

  /**
   * The world goes on with another cluster. Engines that keep their adapter keep what they hold and do, as far as their new
   * description allows; what the others had is tried anew. Returns what is to be told in a new file, and the desks that are gone.
   */
  reshape({ cluster, models, adapters }: Shape, desks: EngineDesks): { prelude: JournalEvent[]; gone: EngineDesk[] } {
    const { world, calibration, stages } = this.#host;
    const before = world.state;
    const gone = desks.remove(adapters);
    const stayed = new Set(Array.from(desks, ({ id }) => id));
    const bare = { ...cluster, engines: cluster.engines.map((engine) => ({ ...engine, resident: [] })) };
    const costs = createCostModel(bare, models, calibration);
    for (const desk of gone) {
      desk.giveUpLoad();
      if (desk.state.up) world.emit({ kind: "engine-drain", engine: desk.id });
    }
    const next = createState(costs.engines, false).cluster;
    for (const desk of desks) if (!mayGoOn(desk, next)) desk.giveUpLoad();
    const stays = (id: string): boolean => stayed.has(id);
    for (const open of stages) {
      const node = before.workflows.node(open.key);
      const told = node.status === "ready" || pickTold(before.cluster, node, stays) !== undefined;
      if (!told || !canStay(before.cluster, next, stays, open)) stages.lose(open);
    }
    const engines = cluster.engines.map((engine) => {
      if (!stayed.has(engine.id)) return engine;
      return { ...engine, resident: keptBy(before.cluster.engine(engine.id), costs) };
    });
    this.#cluster = { ...cluster, engines };
    this.#models = models;
    const { nowUs, sequence: firstSequence } = world;
    const prelude = createPrelude({ state: before, nowUs, firstSequence, decodes: this.#decodes, stays });
    const caches = copyCaches(before).filter(({ engine: id, model }) =>
      engines.some(({ id: other, resident }) => other === id && stayed.has(id) && resident.includes(model)),
    );
    world.reset(createCostModel(this.#cluster, models, calibration), caches, prelude);
    const lasting = stamp(tellLasting(this.#retold()), nowUs, world.sequence);
    world.sequence += lasting.length;
    return { prelude: [...prelude, ...lasting], gone };
  }

  #retold(): Retold {
    const { world, seed, policy, lasting, calibration, learning } = this.#host;
    const [cluster, models] = [this.#cluster, this.#models];
    return {
      world,
      seed,
      policy: policy(),
      lasting,
      cluster,
      models,
      calibration,
      learning,
      decodes: this.#decodes,
    };
  }

  /** Which shares have their first token, the state does not keep. */
  readonly #decodes: Progress = (engine, key, share) =>
    this.#host.stages
      .find(key)
      ?.turns.some((turn) => turn.engine === engine && turn.share === share && turn.firstTokenUs >= 0) ?? false;
}

/** Whether the load under way, if there is one, is of a model that the engine can still hold. */
function mayGoOn({ state }: EngineDesk, next: ClusterState): boolean {
  const { models } = next.engine(state.id).holding;
  return state.residents.every(({ model, loading }) => !loading || models.has(model));
}

/** Whether each engine that has a share of the stage, or is to decode it, stays and can still serve it. */
function canStay(before: ClusterState, next: ClusterState, stays: Stays, { key }: Open): boolean {
  for (const { id, queue, running } of before) {
    for (const share of [...queue, ...running]) {
      if (share.stage.key !== key) continue;
      for (const engine of share.decodeEngine === undefined ? [id] : [id, share.decodeEngine])
        if (!stays(engine) || !canServe(share.stage, next.engine(engine))) return false;
    }
  }
  return true;
}

/** What an engine holds and can hold still: what is in use, then what was used last, as far as there is room. Least recently used first. */
function keptBy({ id, residents, running }: EngineState, costs: CostModel): ModelId[] {
  const { models, memoryBytes, engine } = costs.engine(id);
  const inUse = (model: ModelId): boolean => running.some(({ stage }) => stage.model === model);
  const latestFirst = residents.filter(({ model }) => models.has(model)).toReversed();
  const kept = new Set<ModelId>();
  let bytes = 0;
  // A load under way takes its room first.
  for (const passes of [
    ({ loading }: (typeof latestFirst)[number]) => loading,
    ({ model }: (typeof latestFirst)[number]) => inUse(model),
    () => true,
  ]) {
    for (const resident of latestFirst) {
      if (kept.has(resident.model) || !passes(resident)) continue;
      const footprint = models.get(resident.model)?.footprintBytes ?? 0;
      if (kept.size === engine.maxResident || bytes + footprint > memoryBytes) continue;
      kept.add(resident.model);
      bytes += footprint;
    }
  }
  return residents.flatMap(({ model, loading }) => (kept.has(model) && !loading ? [model] : []));
}
