/** The live world told anew, to a journal that begins or goes on, and to a thread that begins to plan. */

import type { Calibration } from "../../cost/calibration.ts";
import { encodeRecord } from "../../journal/append.ts";
import { journalVersion, type JournalHeader } from "../../journal/journal.ts";
import type { Cluster } from "../../model/cluster.ts";
import type { JournalEvent, NewEvent } from "../../model/event.ts";
import type { Model } from "../../model/model.ts";
import { copyCaches, tellCaches } from "./cache-copy.ts";
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
  /** What the policy has learnt that outlives its workflows. JSON. */
  readonly lasting: () => string | undefined;
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

/** What is open, what has been learnt and what is cached, as the first records of a file. They take up positions. */
export function takePrelude(retold: Retold): readonly JournalEvent[] {
  const { world } = retold;
  const open = retell(retold);
  const firstSequence = world.sequence + open.length;
  const events = [...open, ...stamp(tellLasting(retold), world.nowUs, firstSequence)];
  world.sequence += events.length;
  return events;
}

/** What holds whatever is open: what the policy has learnt, and what is cached. */
export function tellLasting({ world, policy, lasting }: Retold): NewEvent[] {
  const memory = lasting();
  const remembered: NewEvent[] = memory === undefined ? [] : [{ kind: "policy-remember", policy, memory }];
  return [...remembered, ...tellCaches(copyCaches(world.state))];
}

export function stamp(told: readonly NewEvent[], atUs: number, firstSequence: number): JournalEvent[] {
  return told.map((event, index) => ({ atUs, sequence: firstSequence + index, ...event }));
}

function retell({ world, decodes, learning }: Retold): JournalEvent[] {
  const { state, nowUs, sequence } = world;
  const events = createPrelude({ state, nowUs, firstSequence: sequence, decodes });
  world.leaveOut();
  const known: NewEvent[] = [];
  for (const { engine, models } of world.costs.engines) {
    for (const model of models.keys()) {
      const { load, prefill, decode } = learning.applied(engine.id, model);
      if (load === 1 && prefill === 1 && decode === 1) continue;
      known.push({ kind: "cost-correct", engine: engine.id, model, load, prefill, decode });
    }
  }
  return [...events, ...stamp(known, nowUs, sequence + events.length)];
}

export function toSnapshot(retold: Retold): Snapshot {
  const lines = retell(retold).map(encodeRecord).join("");
  return { header: encodeRecord(toHeader(retold)), lines, caches: copyCaches(retold.world.state) };
}

/** A journal that begins now, for somebody who only looks on: header, what is open, learnt and cached. Takes up no positions. */
export function toOpening(retold: Retold): string {
  const open = retell(retold);
  const caches = stamp(
    tellCaches(copyCaches(retold.world.state)),
    retold.world.nowUs,
    retold.world.sequence + open.length,
  );
  return [toHeader(retold), ...open, ...caches].map(encodeRecord).join("");
}
