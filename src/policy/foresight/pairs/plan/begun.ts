/** What runs or waits on engines that prefill and decode apart, and how far it has come as far as can be told. */

import type { StageKey } from "../../../../model/workflow.ts";
import type { EngineState, QueuedShare, RunningShare } from "../../../../state/engine-state.ts";
import type { View } from "../../../policy.ts";
import { halfwayStepUs } from "../../batched/halfway.ts";
import { wholeShape } from "../../batched/shapes.ts";
import { leftUs } from "../../left-to-run.ts";
import type { Scene } from "../../scene.ts";

/** Where a share stands: in a queue, in the batch with its inputs there at `readyUs`, sent and there at `readyUs`, or decoding with so many iterations left. */
export type Standing =
  | { readonly kind: "waits" }
  | { readonly kind: "prefills"; readonly readyUs: number }
  | { readonly kind: "prefilled" }
  | { readonly kind: "sent"; readonly arriveUs: number }
  | { readonly kind: "decodes"; readonly done: number; readonly left: number };

export type BegunShare = {
  readonly share: QueuedShare;
  readonly prefillAt: number;
  readonly decodeAt: number;
  /** The engine that it waits or runs on. */
  readonly engine: number;
  readonly joinTokens: number;
  /** Of its prompt, where that is still to be taken in. */
  readonly cachedTokens: number;
  readonly expectedUs: number;
  readonly standing: Standing;
};

export type Begun = {
  /** Engine by engine, in the order in which they joined, then those that wait. */
  readonly shares: readonly BegunShare[];
  /** By share, the source that is its output, or -1. */
  readonly stages: readonly { readonly source: number }[];
  /** By engine, since when the iteration under way runs that takes prompts in; 0 if none does. */
  readonly batchStartUs: Float64Array;
};

export function lookAtPairs(view: View, scene: Scene): Begun {
  const sources = new Map<StageKey, number>(
    scene.sourceKeys.map((key, index) => [key, scene.stages.length + index] as const),
  );
  const shares: BegunShare[] = [];
  const batchStartUs = new Float64Array(view.cluster.count);
  for (const engine of view.cluster) {
    const { index } = engine.holding;
    const stepUs = paceNow(scene, engine);
    const decoder = (share: QueuedShare): number =>
      share.decodeEngine === undefined ? -1 : view.cluster.indexOf(share.decodeEngine);
    const note = (share: QueuedShare, joinTokens: number, standing: Standing): void => {
      const decodes = share.phase === "decode";
      const places = decodes ? { prefillAt: -1, decodeAt: index } : { prefillAt: index, decodeAt: decoder(share) };
      const cachedTokens = decodes ? 0 : engine.cachedTokens(share.stage);
      shares.push({
        share,
        ...places,
        engine: index,
        joinTokens,
        cachedTokens,
        expectedUs: share.expectedUs,
        standing,
      });
    };
    for (const share of engine.running) note(share, share.kvTokens, standingOf(view, scene, engine, share, stepUs));
    for (const share of engine.queue) note(share, 0, { kind: "waits" });
    batchStartUs[index] = batchStart(view, engine);
  }
  return { shares, stages: shares.map(({ share }) => ({ source: sources.get(share.stage.key) ?? -1 })), batchStartUs };
}

function standingOf(view: View, { fleet }: Scene, engine: EngineState, share: RunningShare, stepUs: number): Standing {
  const { nowUs } = view;
  if (share.phase === "decode") {
    const { decodeSteps } = wholeShape(fleet, share.stage, engine.holding.index);
    const done = Math.max(0, Math.round((nowUs - share.startUs) / stepUs));
    return { kind: "decodes", done, left: Math.max(1, Math.round(leftUs(decodeSteps, done, 0))) };
  }
  if (share.arriveUs !== undefined) return { kind: "sent", arriveUs: Math.max(nowUs, share.arriveUs) };
  if (share.prefilledUs !== undefined) return { kind: "prefilled" };
  return { kind: "prefills", readyUs: inputsUs(view, share) };
}

function inputsUs({ workflows }: View, { stage, share, startUs }: RunningShare): number {
  // What is seen of an engine may be late: its share's workflow may be over.
  const cost = workflows.has(stage.key) ? workflows.node(stage.key).shares[share]?.cost : undefined;
  return startUs + (cost?.transferUs ?? 0);
}

/** The last of what is being taken in has joined, or its inputs have come, or a batch before it has ended. */
function batchStart(view: View, { running, role }: EngineState): number {
  if (role === "decode") return 0;
  let startUs = 0;
  let lastUs = 0;
  for (const share of running) {
    if (share.prefilledUs !== undefined) lastUs = Math.max(lastUs, share.prefilledUs);
    else {
      const readyUs = inputsUs(view, share);
      if (readyUs <= view.nowUs) startUs = Math.max(startUs, readyUs);
    }
  }
  return startUs === 0 ? 0 : Math.max(startUs, lastUs);
}

/** How long an iteration of what decodes there now takes. */
function paceNow({ fleet }: Scene, { running, holding, role, slowFactor }: EngineState): number {
  const { models } = fleet.engines[holding.index]!;
  const rates = models.get(running[0]?.stage.model ?? "")?.rates;
  if (rates === undefined || role === "prefill") return 1;
  const decoding = running.map(({ stage }) => wholeShape(fleet, stage, holding.index));
  return halfwayStepUs(decoding, rates, slowFactor);
}
