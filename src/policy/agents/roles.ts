/**
 * Switches engines between prefill and decode as the load shifts: one by one, as long as that makes the mean call shorter by what
 * switching is worth.
 */

import { decodeStepsUs } from "../../cost/decode.ts";
import type { EngineId } from "../../model/cluster.ts";
import type { SwitchRole } from "../../model/decision.ts";
import type { EngineState } from "../../state/engine-state.ts";
import { makeOf } from "../heft/mean-costs.ts";
import type { View } from "../policy.ts";
import type { Books } from "./books.ts";
import { newTokensOf, spanOf, type Demand } from "./demand.ts";
import { keepsPrefixes } from "./prefixes.ts";
import {
  atMeanSpeed,
  paceOf,
  splitUs,
  tokenUs,
  type HoldUp,
  type Sort,
  type SplitSettings,
  type Stream,
} from "./split.ts";

export type RoleSettings = SplitSettings & {
  /** By so much, as a share, the mean call must become shorter. */
  readonly gain: number;
  /** A decode engine with nothing to do may switch if the call becomes longer by no more than this, where prefill is this busy. */
  readonly spare: number;
  readonly spareFrom: number;
  /**
   * Engines meant for prefill decode too, while calls bring anew more than this part of their prompts, so that few prefixes are lost,
   * and places or KV memory of those that decode are full to this part; never if absent. Such calls come in bursts: none is then spare
   * because it has nothing to decode now.
   */
  readonly anew?: number;
  readonly full?: number;
  /** They decode too while little is new, so that prefill has time to spare and few prefixes are needed; never if absent. */
  readonly lend?: LendSettings | undefined;
  /** What prompts that wait cost; absent: all the time that they take. */
  readonly holdUp?: ((view: View) => HoldUp) | undefined;
  /** From one look to the next. */
  readonly pauseUs: number;
  /** Engines that switch at one look. */
  readonly most: number;
};

export type LendSettings = {
  /** While calls bring anew no more than this part of their prompts. */
  readonly anew: number;
  /** What open workflows come back for takes no more than this share of the KV memory of all that prefill. */
  readonly keepable: number;
  /** Of the engines meant for prefill no more than this part, those that take prompts in slowest. */
  readonly most: number;
  /** By so much, as a share, the mean call must become shorter. */
  readonly gain: number;
  /** The first calls say little of what comes: so long they are watched. */
  readonly afterUs: number;
};

type Role = "prefill" | "decode";

type Row = { -readonly [Name in keyof Sort]: Sort[Name] } & {
  /** Those that may switch, by role, the best to switch first. */
  readonly free: Readonly<Record<Role, EngineState[]>>;
};

type Move = { readonly row: Row; readonly to: Role; readonly us: number; readonly isSpare: boolean };

/** Those that are `bound` to their role keep it. */
export function planRoles(
  view: View,
  books: Books,
  demand: Demand,
  settings: RoleSettings,
  bound: ReadonlySet<EngineId>,
): SwitchRole[] {
  const bringsAnew = demand.newTokens > (settings.anew ?? Infinity) * demand.promptTokens;
  const isCrowded = bringsAnew && isFull(view, books, settings);
  const { lend } = settings;
  const spared =
    isCrowded || lend === undefined || !mayLend(view, books, demand, lend) ? [] : toLend(view, books, lend);
  const rows = toRows(view, books, bound, (engine) => isCrowded || spared.includes(engine));
  const { holdUp } = settings;
  const stream = { ...toStream(view, books, demand), ...(holdUp === undefined ? {} : { holdUpUs: holdUp(view) }) };
  const switches: SwitchRole[] = [];
  if (rows.length === 0 || demand.calls < 1 || stream.newTokens === 0) return switches;
  const gainOf = (engine: EngineState): number =>
    lend !== undefined && spared.includes(engine) ? lend.gain : settings.gain;
  const spareFrom = bringsAnew ? Infinity : settings.spareFrom;
  let nowUs = splitUs(rows, stream, settings);
  while (switches.length < settings.most) {
    const best = bestMove(rows, stream, { ...settings, spareFrom }, gainOf, nowUs);
    const engine = best?.row.free[otherThan(best.to)].shift();
    if (best === undefined || engine === undefined) break;
    turn(best.row, best.to, 1);
    nowUs = best.us;
    switches.push({ kind: "switch-role", engine: engine.id, role: best.to });
  }
  return switches;
}

function mayLend(view: View, books: Books, demand: Demand, { afterUs, anew, keepable }: LendSettings): boolean {
  const { sinceUs, calls, promptTokens, newTokens } = demand;
  if (view.nowUs - sinceUs < afterUs || newTokens > anew * promptTokens) return false;
  return keepsPrefixes(view, books, promptTokens / calls, keepable);
}

/** The slowest that still prefill of those meant for it, as many as may still go, the best to switch first. */
function toLend({ cluster }: View, books: Books, { most }: LendSettings): readonly EngineState[] {
  const engines = [...cluster].filter(({ holding }) => books.costsAt(holding.index).engine.role === "prefill");
  const prefilling = engines.filter((engine) => roleOf(engine) === "prefill");
  const away = engines.length - prefilling.length;
  const slownessOf = ({ holding }: EngineState): number => {
    const [held] = books.costsAt(holding.index).models.values();
    return held === undefined ? 0 : tokenUs(held);
  };
  const slowest = Math.max(...prefilling.map(slownessOf));
  const open = prefilling.filter((engine) => engine.open && slownessOf(engine) === slowest);
  return open.sort(byLeastCached).slice(0, Math.max(0, Math.floor(most * engines.length) - away));
}

function isFull({ cluster }: View, books: Books, { full = 1 }: RoleSettings): boolean {
  return books.decodeLoad([...cluster].filter(({ role }) => role === "decode")) >= full;
}

function bestMove(
  rows: readonly Row[],
  stream: Stream,
  settings: RoleSettings,
  gainOf: (engine: EngineState) => number,
  nowUs: number,
): Move | undefined {
  const sparing = stream.newTokens > settings.spareFrom * paceOf(rows);
  let best: Move | undefined;
  for (const row of rows)
    for (const to of ["prefill", "decode"] as const) {
      const [engine] = row.free[otherThan(to)];
      if (engine === undefined) continue;
      turn(row, to, 1);
      const us = splitUs(rows, stream, settings);
      turn(row, to, -1);
      const isSpare = to === "prefill" && sparing && engine.idle && engine.incoming === 0;
      if (us > nowUs * (isSpare ? 1 + settings.spare : 1 - gainOf(engine))) continue;
      const found = { row, to, us, isSpare };
      if (best === undefined || isBetter(found, best)) best = found;
    }
  return best;
}

/** What has nothing to do costs nothing to switch; of decode engines, the one that decodes slowest is missed least. */
function isBetter(move: Move, than: Move): boolean {
  if (move.isSpare !== than.isSpare) return move.isSpare;
  if (move.to === "prefill" && than.to === "prefill") return stepUs(move.row) > stepUs(than.row);
  return move.us < than.us;
}

/** For comparison. */
function stepUs({ held }: Row): number {
  return decodeStepsUs(held.rates, 32, 32 * 2000, 1);
}

function turn(row: Row, to: Role, count: number): void {
  row[to] += count;
  row[otherThan(to)] -= count;
}

function otherThan(role: Role): Role {
  return role === "prefill" ? "decode" : "prefill";
}

function toRows(
  { cluster }: View,
  books: Books,
  bound: ReadonlySet<EngineId>,
  mayDecode: (engine: EngineState) => boolean,
): readonly Row[] {
  const rows = new Map<string, Row>();
  for (const engine of cluster) {
    const costs = books.costsAt(engine.holding.index);
    const [held] = costs.models.values();
    const role = roleOf(engine);
    if (!engine.up || role === "both" || held === undefined) continue;
    const key = makeOf(costs);
    let row = rows.get(key);
    if (row === undefined) {
      const { maxSequences } = costs.engine.batching;
      rows.set(key, (row = { held, maxSequences, prefill: 0, decode: 0, free: { prefill: [], decode: [] } }));
    }
    row[role] += 1;
    row.held = atMeanSpeed(row.held, held, row.prefill + row.decode);
    // Prefill engines keep the prefixes that calls come back for: unless these are few, only what the cluster meant for decoding goes back.
    if (
      engine.open &&
      !bound.has(engine.id) &&
      (role === "decode" || mayDecode(engine) || costs.engine.role === "decode")
    )
      row.free[role].push(engine);
  }
  for (const { free } of rows.values()) {
    // With the least to end, or the least cached.
    free.decode.sort((one, other) => shares(one) - shares(other));
    free.prefill.sort(byLeastCached);
  }
  return [...rows.values()];
}

/** What it has now, or is about to have. */
function roleOf({ switching, role }: EngineState): EngineState["role"] {
  return switching ?? role;
}

function byLeastCached(one: EngineState, other: EngineState): number {
  return other.roleSinceUs - one.roleSinceUs || shares(one) - shares(other);
}

function shares({ queue, running, incoming }: EngineState): number {
  return queue.length + running.length + incoming;
}

function toStream({ cluster, ready }: View, books: Books, demand: Demand): Stream {
  const spanUs = spanOf(demand);
  let backlogTokens = 0;
  const backlog = { calls: ready.length, outputTokens: 0, heldTokens: 0 };
  for (const stage of ready) {
    const outputTokens = stage.kind === "embed" ? 0 : stage.outputTokens;
    backlogTokens += newTokensOf(stage);
    backlog.outputTokens += outputTokens;
    backlog.heldTokens += outputTokens * (stage.promptTokens + outputTokens / 2);
  }
  for (const { holding, role } of cluster) {
    const [held] = books.costsAt(holding.index).models.values();
    if (role !== "decode" && held !== undefined) backlogTokens += books.lineUs(holding.index) / tokenUs(held);
  }
  return {
    calls: demand.calls / spanUs,
    newTokens: demand.newTokens / spanUs,
    outputTokens: demand.outputTokens / spanUs,
    heldTokens: demand.heldTokens / spanUs,
    backlogTokens,
    backlog,
  };
}
