/**
 * Sleep and wake as vLLM in sleep mode has them: what runs is aborted unless the call waits for it. Level 1 keeps weights in
 * host memory, so that waking moves them at the host's own speed; level 2 keeps nothing, and waking loads anew.
 */

import { badRequest, sendError, sendJson, type Call } from "../http/call.ts";
import type { Engine } from "../engine.ts";

export async function sleep(call: Call): Promise<void> {
  const { engine, query } = call;
  const level = Number(query.get("level") ?? "1");
  const mode = query.get("mode") ?? "abort";
  if (level !== 1 && level !== 2) return sendError(call, badRequest("level: expected 1 or 2", "level"));
  if (mode !== "abort" && mode !== "wait") return sendError(call, badRequest("mode: expected abort or wait", "mode"));
  if (mode === "wait") await whenIdle(engine);
  engine.putToSleep(level);
  sendJson(call, 200, {});
}

/** New calls are turned away meanwhile, as those of a sleeping engine are. */
function whenIdle(engine: Engine): Promise<void> {
  engine.sleepLevel = 1;
  return new Promise((resolve) => engine.pacer().act(() => engine.batch().whenIdle(resolve)));
}

export async function wakeUp(call: Call): Promise<void> {
  await call.engine.wakeUp();
  sendJson(call, 200, {});
}

export function isSleeping(call: Call): void {
  sendJson(call, 200, { is_sleeping: call.engine.sleepLevel > 0 });
}
