/** vLLM's sleep mode: weights go to host memory and come back, KV is dropped. Only in development mode and when enabled. */

import { boolean, openObject } from "../../trace/shape.ts";
import { EngineFault } from "./engine-fault.ts";
import { maxDrainMs, maxLoadMs } from "./make.ts";
import type { Server } from "./server.ts";
import { readVllmFigures } from "./vllm-figures.ts";
import { type Pause, waitUntil } from "./wait-until.ts";

type Effort = { readonly pause: Pause; readonly signal: AbortSignal };

const sleepingShape = openObject({ is_sleeping: boolean() });

export async function isAsleep(server: Server, signal: AbortSignal): Promise<boolean> {
  return (await server.json({ method: "GET", path: "/is_sleeping" }, sleepingShape, signal)).is_sleeping;
}

/** Falling asleep aborts what runs, so it waits until nothing does. */
export async function fallAsleep(server: Server, { pause, signal }: Effort): Promise<void> {
  const isIdle = async (): Promise<boolean> => {
    const { running = 0, waiting = 0 } = await readVllmFigures(server, signal);
    return running + waiting === 0;
  };
  if (!(await waitUntil(isIdle, { pause, signal, withinMs: maxDrainMs })))
    fail(server, "GET /metrics", `calls that still run after ${maxDrainMs} ms`, "none, before it is put to sleep");
  await server.text({ method: "POST", path: "/sleep?level=1" }, signal);
  await waitForState(server, true, { pause, signal });
}

export async function wakeUp(server: Server, { pause, signal }: Effort): Promise<void> {
  await server.text({ method: "POST", path: "/wake_up" }, signal);
  await waitForState(server, false, { pause, signal });
}

/** Some versions answer before it is done. */
async function waitForState(server: Server, asleep: boolean, { pause, signal }: Effort): Promise<void> {
  const hasChanged = async (): Promise<boolean> => (await isAsleep(server, signal)) === asleep;
  if (await waitUntil(hasChanged, { pause, signal, withinMs: maxLoadMs })) return;
  fail(server, "GET /is_sleeping", `${!asleep} after ${maxLoadMs} ms`, `${asleep}`);
}

function fail(server: Server, request: string, found: string, expected: string): never {
  throw new EngineFault({ kind: "answer", engine: server.engine, request, found, expected });
}
