/** An engine that serves one share at a time: load, inputs, prefill, decode, next. */

import { shareDecodeUs, sharePrefillUs } from "../cost/phase.ts";
import { sharePromptTokens, shareWork, sideBySide, usableCachedTokens, type ShareWork } from "../cost/share-work.ts";
import type { EngineState, RunningShare } from "../state/engine-state.ts";
import { nextInQueue } from "../state/queue.ts";
import {
  endShare,
  fetchInputs,
  handOverKv,
  isAlive,
  modelCosts,
  ofShare,
  slowed,
  startLoad,
  trueOutputTokens,
  type Floor,
} from "./share-steps.ts";

/** Takes up the next share if the engine is free. */
export function serveExclusive(floor: Floor, engine: EngineState): void {
  const queued = nextInQueue(engine, floor.world.nowUs);
  if (queued === undefined || engine.running.length > 0 || engine.loadEndUs > 0 || !engine.up) return;
  const { world } = floor;
  const { stage, items, phase } = queued;
  const costs = modelCosts(world, engine, stage.model);
  const sequences = sideBySide(stage, costs, engine.holding.engine.batching.maxSequences);
  const work = shareWork(stage, items, sequences, trueOutputTokens(world, stage.key));
  const kvTokens = shareWork(stage, items, sequences, stage.limitTokens).kvTokens;
  world.emit({
    kind: "share-start",
    stage: stage.key,
    share: queued.share,
    attempt: queued.attempt,
    engine: engine.id,
    phase,
    kvTokens,
  });
  const running = engine.running[0];
  if (running === undefined) return;
  const begin = (): void => {
    // Lost while its model was loading: what waits behind it can be taken up now.
    if (!isAlive(engine, running)) return world.rouse(engine.id);
    if (phase === "decode") decode(floor, engine, running, work);
    else fetchInputs(world, engine, running, () => prefill(floor, engine, running, work));
  };
  if (engine.isResident(stage.model)) begin();
  else startLoad(world, engine, stage.model, "stage", queued.victims, begin);
}

function prefill(floor: Floor, engine: EngineState, running: RunningShare, work: ShareWork): void {
  const { world } = floor;
  const { rates } = modelCosts(world, engine, running.stage.model);
  const cachedTokens = usableCachedTokens(work, engine.cachedTokens(running.stage));
  const promptTokens = sharePromptTokens(work, running.items);
  world.emit({ kind: "prefill-start", ...ofShare(running, engine), promptTokens, cachedTokens });
  world.after(slowed(engine, sharePrefillUs(rates, work, running.items, cachedTokens)), () => {
    if (!isAlive(engine, running)) return;
    world.emit({ kind: "prefill-end", ...ofShare(running, engine) });
    if (running.phase === "prefill") handOverKv(floor, engine, running, promptTokens);
    else if (running.stage.kind === "embed") endShare(floor, engine, running, running.phase);
    else decode(floor, engine, running, work);
  });
}

function decode(floor: Floor, engine: EngineState, running: RunningShare, work: ShareWork): void {
  const { world } = floor;
  const { rates } = modelCosts(world, engine, running.stage.model);
  const { sequences, waves, contextTokens } = work;
  world.emit({ kind: "decode-start", ...ofShare(running, engine), sequences, waves, contextTokens });
  world.after(slowed(engine, shareDecodeUs(rates, work)), () => {
    if (!isAlive(engine, running)) return;
    world.emit({ kind: "decode-end", ...ofShare(running, engine), outputTokens: work.outputTokens * running.items });
    endShare(floor, engine, running, running.phase);
  });
}
