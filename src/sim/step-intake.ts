/** What the next iteration of a batched engine takes in already, where admission is by step. */

import { decodeStepsUs } from "../cost/decode.ts";
import { iterationUs, type Batch, type Rates } from "../cost/roofline.ts";
import { sharePromptTokens, usableCachedTokens, type ShareWork } from "../cost/share-work.ts";
import type { Batching } from "../model/cluster.ts";
import type { ModelId } from "../model/model.ts";
import type { EngineState, QueuedShare } from "../state/engine-state.ts";
import type { Group } from "./batch-admission.ts";
import { createIntake, type Intake, type Pace, type Prompt } from "./batch-filling.ts";
import { modelCosts } from "./share-steps.ts";
import type { World } from "./world.ts";

/** All that a batch has admitted and not taken in, inputs that are on the way included. Undefined where admission asks for KV memory alone. */
export function nextIntake(
  world: World,
  engine: EngineState,
  groups: readonly Group[],
  model: ModelId | undefined,
): Intake | undefined {
  const { batching } = engine.holding.engine;
  if (!isByStep(batching) || engine.queue.length === 0) return undefined;
  const waiting: Group[] = [];
  const decoding: Group[] = [];
  for (const group of groups) {
    if (group.stepsLeft > 0) decoding.push(group);
    else waiting.push(group);
  }
  const runs = model ?? (groups[0]?.running ?? engine.queue[0])?.stage.model;
  const intake = createIntake(batching, batching.chunkedPrefill ? decoding : [], paceOf(world, engine, runs));
  for (const group of waiting) takeIn(engine, intake, group);
  return intake;
}

export function takeIn(engine: EngineState, intake: Intake, group: Group): void {
  const prompt = group.opened ? group : expectPrompt(engine, group.work, group.running, group.written);
  if (prompt.promptLeft > 0) intake.take(prompt, intake.roomFor(prompt) || prompt.promptLeft);
}

/** As it would be looked up in the prefix cache now. */
export function expectPrompt(
  engine: EngineState,
  work: ShareWork,
  { stage, items }: QueuedShare,
  written: number,
): Prompt {
  const promptDone = usableCachedTokens(work, engine.cachedTokens(stage));
  const promptLeft = sharePromptTokens(work, items) + work.sequences * written - promptDone;
  return { items, work, promptLeft, promptDone };
}

export function paceOf(world: World, engine: EngineState, model: ModelId | undefined): Pace {
  if (model === undefined) return () => 0;
  const { rates } = modelCosts(world, engine, model);
  return (batch) => batchStepUs(rates, batch, 1, engine.slowFactor);
}

export function isByStep(batching: Batching): batching is Extract<Batching, { kind: "batched" }> {
  return batching.kind === "batched" && batching.admission === "by-step";
}

/** Duration of `steps` iterations of one batch, as the journal's `batch-step` records them. */
export function batchStepUs(rates: Rates, batch: Batch, steps: number, slowFactor: number): number {
  const us =
    batch.prefillTokens > 0
      ? steps * iterationUs(rates, batch)
      : decodeStepsUs(rates, batch.sequences, batch.contextTokens, steps);
  return Math.max(1, Math.round(us * slowFactor));
}
