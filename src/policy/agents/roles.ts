/**
 * Switches engines between prefill and decode as the load shifts: one at a time, not again for a while, and only where the phase that
 * gives an engine up can do without it.
 */

import type { SwitchRole } from "../../model/decision.ts";
import type { EngineState } from "../../state/engine-state.ts";
import type { View } from "../policy.ts";
import type { Projection } from "./projection.ts";

export type RoleSettings = {
  /** Prompts in line for so long make a decode engine wanted for prefill. */
  readonly prefillWaitUs: number;
  /** The decode engines that stay must not be fuller than this, in places or KV memory. */
  readonly decodeLoad: number;
  /** Decode engines fuller than this take a prefill engine back. */
  readonly decodeFull: number;
  /** From one switch to the next. */
  readonly pauseUs: number;
};

export function planRoles(
  view: View,
  projection: Projection,
  { prefillWaitUs, decodeLoad, decodeFull, pauseUs }: RoleSettings,
  switchedUs = -Infinity,
): SwitchRole[] {
  const { cluster, nowUs } = view;
  const prefill: EngineState[] = [];
  const decode: EngineState[] = [];
  for (const engine of cluster) {
    if (engine.up && engine.switching !== undefined) return [];
    if (!engine.open || engine.role === "both") continue;
    (engine.role === "prefill" ? prefill : decode).push(engine);
  }
  if (nowUs - switchedUs < pauseUs || prefill.length + decode.length < 3) return [];
  const waitUs = projection.meanWaitUs(prefill, view.ready);
  const load = projection.decodeLoad(decode);
  if (waitUs > prefillWaitUs && decode.length > 1) {
    // The one that decodes slowest is missed least.
    const given = leastBy(decode, (engine) => projection.decodeSpeed(engine));
    const left = decode.filter((engine) => engine !== given);
    if (given !== undefined && projection.decodeLoad(decode, left) < decodeLoad)
      return [{ kind: "switch-role", engine: given.id, role: "prefill" }];
  }
  if (
    (load > decodeFull || (waitUs < prefillWaitUs / 8 && isAway(prefill) && load > decodeLoad / 4)) &&
    prefill.length > 1
  ) {
    const candidates = prefill.filter((engine) => load > decodeFull || engine.holding.engine.role === "decode");
    const given = leastBy(candidates, (engine) => engine.queue.length + engine.running.length);
    if (given !== undefined && waitUs < prefillWaitUs / 2)
      return [{ kind: "switch-role", engine: given.id, role: "decode" }];
  }
  return [];
}

/** Whether some engine does not have the role that the cluster gave it. */
function isAway(engines: readonly EngineState[]): boolean {
  return engines.some(({ role, holding }) => role !== holding.engine.role);
}

function leastBy(engines: readonly EngineState[], score: (engine: EngineState) => number): EngineState | undefined {
  let best: EngineState | undefined;
  for (const engine of engines) if (best === undefined || score(engine) < score(best)) best = engine;
  return best;
}
