/** What runs or waits on batched engines now, how far it has come as far as can be told, and what ends with it. */

import type { Rates } from "../../../cost/roofline.ts";
import { shardUs } from "../../../cost/shard.ts";
import type { StageKey } from "../../../model/workflow.ts";
import type { EngineState, QueuedShare, RunningShare } from "../../../state/engine-state.ts";
import type { View } from "../../policy.ts";
import { leftUs } from "../left-to-run.ts";
import type { Scene } from "../scene.ts";
import { halfwayStepUs } from "./halfway.ts";
import { shapeOf, type Shape } from "./shapes.ts";

/** What is left of a share that has joined before. */
export type Left = {
  readonly readyUs: number;
  readonly promptTokens: number;
  readonly steps: number;
  readonly contextTokens: number;
  readonly fullTokens: number;
};

type BegunShare = {
  readonly engine: number;
  readonly model: number;
  /** Position in `stages`. */
  readonly stage: number;
  readonly shape: Shape;
  /** Absent while it waits in the queue. */
  readonly left?: Left;
};

type BegunStage = {
  /** Number of the source that is its output; -1 if nothing in sight reads it. */
  readonly source: number;
  /** -1 if nothing of its workflow is in sight. */
  readonly workflow: number;
  readonly shares: number;
  readonly mergeUs: number;
  readonly host: number;
};

export type Begun = {
  /** Engine by engine, in the order in which they joined, or will. */
  readonly shares: readonly BegunShare[];
  readonly stages: readonly BegunStage[];
};

export function lookAtBatches(view: View, scene: Scene, spread: number): Begun {
  const sources = new Map(scene.sourceKeys.map((key, index) => [key, scene.stages.length + index]));
  const shares: BegunShare[] = [];
  const stages: BegunStage[] = [];
  const numbers = new Map<StageKey, number>();
  const workflows = new Map(scene.workflows.map(({ id }, index) => [id, index]));
  const counts = new Map<StageKey, number>();
  for (const { running, queue } of view.cluster)
    for (const { stage } of [...running, ...queue]) counts.set(stage.key, 1 + (counts.get(stage.key) ?? 0));
  const stageOf = ({ stage }: QueuedShare, engine: EngineState): number => {
    const known = numbers.get(stage.key);
    if (known !== undefined) return known;
    const number = stages.length;
    numbers.set(stage.key, number);
    const node = view.workflows.has(stage.key) ? view.workflows.node(stage.key) : undefined;
    const lead = node?.shares[0]?.engine;
    const home = lead === undefined ? engine : view.cluster.engine(lead);
    stages.push({
      source: sources.get(stage.key) ?? -1,
      workflow: node === undefined ? -1 : (workflows.get(node.workflow.id) ?? -1),
      shares: counts.get(stage.key)!,
      mergeUs: shardUs(Math.max(1, node?.shares.length ?? 1)),
      host: scene.fleet.hostNumber(home.holding.host.id),
    });
    return number;
  };
  for (const engine of view.cluster) {
    const { index } = engine.holding;
    const costs = scene.fleet.engines[index]!;
    const shaped = (share: QueuedShare): Shape =>
      shapeOf(share.stage, costs.models.get(share.stage.model)!, costs.engine.batching.maxSequences, share.items);
    const shapes = engine.running.map(shaped);
    const stepUs = paceNow(engine, shapes, costs.models.get(engine.running[0]?.stage.model ?? "")?.rates);
    for (const [at, share] of engine.running.entries()) {
      const shape = shapes[at]!;
      const left = leftOf(view, engine, share, shape, stepUs, spread);
      const model = scene.fleet.modelNumber(share.stage.model);
      shares.push({ engine: index, model, stage: stageOf(share, engine), shape, left });
    }
    for (const share of engine.queue) {
      const model = scene.fleet.modelNumber(share.stage.model);
      shares.push({ engine: index, model, stage: stageOf(share, engine), shape: shaped(share) });
    }
  }
  return { shares, stages };
}

type RatesOrNone = Rates | undefined;

/** How long an iteration of what decodes there now takes. */
function paceNow({ running, slowFactor }: EngineState, shapes: readonly Shape[], rates: RatesOrNone): number {
  if (rates === undefined) return 1;
  const decoding = shapes.filter((_, at) => running[at]!.prefilledUs !== undefined);
  return halfwayStepUs(decoding, rates, slowFactor);
}

function leftOf(
  { nowUs, workflows }: View,
  engine: EngineState,
  share: RunningShare,
  shape: Shape,
  stepUs: number,
  spread: number,
): Left {
  const { key } = share.stage;
  const cost = workflows.has(key) ? workflows.node(key).shares[share.share]?.cost : undefined;
  const { sequences, contextTokens, decodeSteps, promptTokens, fullTokens } = shape;
  if (share.prefilledUs === undefined) {
    const readyUs = Math.max(nowUs, share.startUs + (cost?.transferUs ?? 0));
    const part = Math.min(1, (nowUs - share.startUs - (cost?.transferUs ?? 0)) / Math.max(1, cost?.prefillUs ?? 1));
    const uncached = promptTokens - Math.min(engine.cachedTokens(share.stage), shape.sharedTokens);
    const left = Math.max(1, Math.round(uncached * (1 - Math.max(0, part))));
    return { readyUs, promptTokens: left, steps: 0, contextTokens: 0, fullTokens };
  }
  const done = (nowUs - share.prefilledUs) / stepUs;
  const steps = Math.max(1, Math.round(leftUs(decodeSteps, done, spread)));
  const context = Math.round(sequences * (contextTokens + done));
  // Whoever writes more than was expected fills more memory, too.
  const over = Math.max(0, Math.round(done) + steps - decodeSteps);
  return { readyUs: nowUs, promptTokens: 0, steps, contextTokens: context, fullTokens: fullTokens + sequences * over };
}
