/** The live world told anew, to a journal that begins or goes on, and to a thread that begins to plan. */

import type { Calibration } from "../../cost/calibration.ts";
import { encodeRecord } from "../../journal/append.ts";
import { journalVersion, type JournalHeader } from "../../journal/journal.ts";
import type { Cluster } from "../../model/cluster.ts";
import type { JournalEvent } from "../../model/event.ts";
import type { Model } from "../../model/model.ts";
import { copyCaches } from "./cache-copy.ts";
import type { Learning } from "./learning.ts";
import type { Snapshot } from "./planning-line.ts";
import { clusterNow, createPrelude, type Progress } from "./prelude.ts";
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

/** What is open and what has been learnt, as the first records of a file. They take up positions. */
export function takePrelude(retold: Retold): readonly JournalEvent[] {
  const events = retell(retold);
  retold.world.sequence += events.length;
  return events;
}

function retell({ world, decodes, learning }: Retold): JournalEvent[] {
  const { state, nowUs, sequence } = world;
  const events = createPrelude({ state, nowUs, firstSequence: sequence, decodes });
  for (const { engine, models } of world.costs.engines) {
    for (const model of models.keys()) {
      const { load, prefill, decode } = learning.applied(engine.id, model);
      if (load === 1 && prefill === 1 && decode === 1) continue;
      const factors = { engine: engine.id, model, load, prefill, decode };
      events.push({ atUs: nowUs, sequence: sequence + events.length, kind: "cost-correct", ...factors });
    }
  }
  return events;
}

export function toSnapshot(retold: Retold): Snapshot {
  const lines = retell(retold).map(encodeRecord).join("");
  return { header: encodeRecord(toHeader(retold)), lines, caches: copyCaches(retold.world.state) };
}
