/** What engines do and hold now, as a scene has it. */

import type { StageKey } from "../../model/workflow.ts";
import type { View } from "../policy.ts";
import type { Fleet } from "./fleet.ts";
import { expectedEndUs } from "./left-to-run.ts";

export type SceneEngines = {
  readonly freeUs: Float64Array;
  /** Of the load under way; 0 if there is none. */
  readonly loadEndUs: Float64Array;
  readonly slowFactor: Float64Array;
  /** By engine and place, least recently used first. */
  readonly residents: Int32Array;
  readonly held: Int32Array;
  readonly span: number;
};

/** By engine, when it is free; and of what runs or waits there, when it is expected to end. */
export type ExpectedEnds = { readonly freeUs: Float64Array; readonly stageUs: ReadonlyMap<StageKey, number> };

export function lookAtEngines({ nowUs, cluster, workflows }: View, spread: number): ExpectedEnds {
  const freeUs = new Float64Array(cluster.count);
  const stageUs = new Map<StageKey, number>();
  const note = (key: StageKey, endUs: number): void => {
    stageUs.set(key, Math.max(endUs, stageUs.get(key) ?? 0));
  };
  for (const { running, queue, loadEndUs, holding } of cluster) {
    let us = Math.max(nowUs, loadEndUs);
    for (const share of running) {
      // What is seen of an engine may be late: its share's workflow may be over.
      const { key } = share.stage;
      const cost = workflows.has(key) ? workflows.node(key).shares[share.share]?.cost : undefined;
      const endUs = expectedEndUs(share, cost, nowUs, spread);
      us = Math.max(us, endUs);
      note(key, endUs + (cost?.shardUs ?? 0));
    }
    for (const { stage, expectedUs } of queue) note(stage.key, (us += expectedUs));
    freeUs[holding.index] = us;
  }
  return { freeUs, stageUs };
}

export function layEngines({ cluster, nowUs }: View, fleet: Fleet, freeUs: Float64Array): SceneEngines {
  const engines = [...cluster];
  // One more than it may hold: the newcomer stands there while room is made. No engine holds more models than there are.
  const most = Array.from(fleet.mostResidents, (each) => Math.min(each, fleet.models));
  const span = 1 + Math.max(1, ...engines.map(({ foreseen }) => foreseen.length), ...most);
  const residents = new Int32Array(engines.length * span);
  for (const [index, { foreseen }] of engines.entries())
    for (const [place, { model }] of foreseen.entries()) residents[index * span + place] = fleet.modelNumber(model);
  return {
    freeUs,
    loadEndUs: Float64Array.from(engines, ({ loadEndUs }) => (loadEndUs > 0 ? Math.max(loadEndUs, nowUs) : 0)),
    slowFactor: Float64Array.from(engines, ({ slowFactor }) => slowFactor),
    residents,
    held: Int32Array.from(engines, ({ foreseen }) => foreseen.length),
    span,
  };
}
