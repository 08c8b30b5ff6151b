/**
 * Switches engines between prefill and decode as the load shifts: one at a time, not again for a while, and only where the phase that
 * gives an engine up can do without it.
 */

import type { SwitchRole } from "../../model/decision.ts";
import type { EngineState } from "../../state/engine-state.ts";
import type { View } from "../policy.ts";
import type { Books } from "./books.ts";

export type RoleSettings = {
  /** Prompts in line for so long make a decode engine wanted for prefill. */
  readonly prefillWaitUs: number;
  /** The decode engines that stay must not be fuller than this, in places or KV memory. */
  readonly decodeLoad: number;
  /** Decode engines fuller than this take back what they have given. */
  readonly decodeFull: number;
  /** From one switch to the next. */
  readonly pauseUs: number;
};

export function planRoles(
  view: View,
  books: Books,
  { prefillWaitUs, decodeLoad, decodeFull, pauseUs }: RoleSettings,
  switchedUs = -Infinity,
): SwitchRole[] {
  const { cluster, nowUs } = view;
  const prefill: EngineState[] = [];
  const decode: EngineState[] = [];
  if (nowUs - switchedUs < pauseUs) return [];
  for (const engine of cluster) {
    if (engine.up && engine.switching !== undefined) return [];
    if (!engine.open || engine.role === "both") continue;
    (engine.role === "prefill" ? prefill : decode).push(engine);
  }
  if (prefill.length + decode.length < 3) return [];
  const waitUs = books.meanWaitUs(prefill, view.ready);
  const load = books.decodeLoad(decode);
  if (waitUs > prefillWaitUs && decode.length > 1) {
    // The one that decodes slowest is missed least.
    const given = leastBy(decode, (engine) => books.decodeSpeed(engine));
    const left = decode.filter((engine) => engine !== given);
    if (given !== undefined && books.decodeLoad(decode, left) < decodeLoad)
      return [{ kind: "switch-role", engine: given.id, role: "prefill" }];
  }
  // Back goes only what the cluster meant for decoding: prefill engines keep the prefixes that calls come back for.
  const away = prefill.filter(({ holding }) => holding.engine.role === "decode");
  const quiet = waitUs < prefillWaitUs / 8 && load > decodeLoad / 4;
  const given = leastBy(away, ({ queue, running }) => queue.length + running.length);
  if (given !== undefined && (load > decodeFull || quiet))
    return [{ kind: "switch-role", engine: given.id, role: "decode" }];
  return [];
}

function leastBy(engines: readonly EngineState[], score: (engine: EngineState) => number): EngineState | undefined {
  let best: EngineState | undefined;
  for (const engine of engines) if (best === undefined || score(engine) < score(best)) best = engine;
  return best;
}
