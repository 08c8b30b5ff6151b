/** Which two runs of agents a report shows over time. */

import type { Shown } from "../html/shown.ts";
import type { AgentsFile } from "./file.ts";
import { modeOf } from "./groups.ts";
import { isYardstick, subject } from "./policies.ts";
import { isAt, rowsAt } from "./tables.ts";

/** Where `wanted` is, or else the first place: the subject, and the yardstick with the least Req95 there. */
export function pickAgentsShown(
  file: AgentsFile,
  wanted: Pick<Shown, "cluster" | "mode">,
  seed?: number,
): Shown | undefined {
  const compared = file.summary.filter(({ policy }) => policy === subject);
  const place = compared.find((row) => row.cluster === wanted.cluster && modeOf(row) === wanted.mode) ?? compared[0];
  if (place === undefined) return undefined;
  const rival = rowsAt(file, place).find(({ policy }) => isYardstick(policy));
  const seeds = file.cells.filter((cell) => isAt(place)(cell) && cell.policy === subject).map((cell) => cell.seed);
  const own = seed !== undefined && seeds.includes(seed) ? seed : seeds[0];
  if (rival === undefined || own === undefined) return undefined;
  return { cluster: place.cluster, mode: modeOf(place), seed: own, policies: [subject, rival.policy] };
}
