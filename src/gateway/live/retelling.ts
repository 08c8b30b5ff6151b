/** The live world told anew, to a journal that begins or goes on, and to a thread that begins to plan. */

import type { Calibration } from "../../cost/calibration.ts";
import { encodeRecord } from "../../journal/append.ts";
import { journalVersion, type JournalHeader } from "../../journal/journal.ts";
import type { Cluster } from "../../model/cluster.ts";
import type { JournalEvent } from "../../model/event.ts";
import type { Model } from "../../model/model.ts";
import type { Learning } from "./learning.ts";
import type { Snapshot } from "./planning-line.ts";
import { clusterNow, createPrelude, type Progress } from "./prelude.ts";
import type { CacheCopy } from "./thread-protocol.ts";
import type { World } from "./world.ts";

export type Retold = {
  readonly world: World;
  readonly seed: number;
  readonly policy: string;
  readonly cluster: Cluster;
  readonly models: readonly Model[];
  readonly calibration: Calibration;
  readonly learning: Learning;
  readonly decodes: Progress;
};

export function toHeader(
  { world, seed, policy, cluster, models, calibration }: Retold,
  firstSequence?: number,
): JournalHeader {
  return {
    kind: "journal",
    version: journalVersion,
    seed,
    policy,
    workload: "live",
    cluster: clusterNow(cluster, world.state),
    models,
    calibration,
    clock: "wall",
    ...(firstSequence === undefined ? {} : { firstSequence }),
  };
}

/** What is open, as the first records of a file. They take up positions. */
export function takePrelude({ world, decodes }: Retold): readonly JournalEvent[] {
  const events = createPrelude(world.state, world.nowUs, world.sequence, decodes);
  world.sequence += events.length;
  return events;
}

export function toSnapshot(retold: Retold): Snapshot {
  const { world, decodes, learning } = retold;
  const { state, nowUs, sequence } = world;
  const caches: CacheCopy[] = [];
  for (const engine of state.cluster)
    for (const [model, cache] of engine.prefixes) caches.push({ engine: engine.id, model, nodes: cache.list() });
  let lines = createPrelude(state, nowUs, sequence, decodes).map(encodeRecord).join("");
  for (const { engine, models } of world.costs.engines) {
    for (const model of models.keys()) {
      const { load, prefill, decode } = learning.learned(engine.id, model);
      const factors = { load, prefill, decode };
      lines += encodeRecord({ atUs: nowUs, sequence, kind: "cost-correct", engine: engine.id, model, ...factors });
    }
  }
  return { header: encodeRecord(toHeader(retold)), lines, caches };
}
