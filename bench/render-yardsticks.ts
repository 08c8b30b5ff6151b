/** The tables of bounds for mean latencies in Markdown. */

import { meanInterval, type Interval } from "../src/measure/interval.ts";
import { isTold } from "../src/experiment/bench/told.ts";
import type { Yardstick, YardstickTask } from "./yardsticks-worker.ts";

export type Measured = YardstickTask & Yardstick;

/** Of the result file of benchmark A. */
export type Cell = {
  readonly cluster: string;
  readonly mode: string;
  readonly policy: string;
  readonly seed: number;
  readonly abandoned: number;
  readonly meanLatencyUs: number;
};

type Bound = { readonly aloneUs: number; readonly togetherUs: number };

export function renderYardsticks(measured: readonly Measured[], cells: readonly Cell[], command: string): string {
  const groups = Map.groupBy(measured, ({ cluster, load }) => `${cluster} ${modeOf(load)}`);
  return [
    "# Mean latencies and what no policy undercuts",
    "",
    `\`${command}\`: benchmark A. \`docs/bounds.md\` says why the bounds hold. The mean latency of a seed over its bound, averaged over`,
    "seeds, with 95% intervals. _Alone_ bounds every workflow by itself; _together_ lets them wait for each other. The best policy",
    "is the one of [real-dag.json](real-dag.json) with the least mean there that is not told what nobody can know.",
    "",
    "| cluster | mode | seeds | best policy | over alone | over together |",
    "| --- | --- | --- | --- | --- | --- |",
    ...[...groups.values()].map((group) => bestRow(group, cells)),
    "",
    "`foresight` as it is, and told every length and time when a workflow arrives; arrivals stay unknown. Over the bound together, on the first",
    "seeds. What is left above 1 in the last column is what the bound leaves open, what the search misses, and what knowing arrivals would bring.",
    "",
    "| cluster | mode | seeds | `fate` | `foresight` | `foresight`, told |",
    "| --- | --- | --- | --- | --- | --- |",
    ...[...groups.values()].flatMap((group) => plannedRow(group, cells)),
    "",
  ].join("\n");
}

function modeOf(load: number | undefined): string {
  return load === undefined ? "solo" : `stream-${load.toFixed(2)}`;
}

function bestRow(group: readonly Measured[], cells: readonly Cell[]): string {
  const [{ cluster, load } = { cluster: "", load: undefined }] = group;
  const bounds = boundsBySeed(group);
  const here = cells.filter(
    (cell) => cell.cluster === cluster && cell.mode === modeOf(load) && bounds.has(cell.seed) && !isTold(cell.policy),
  );
  const means = [...Map.groupBy(here, ({ policy }) => policy)]
    .filter(([, all]) => all.length === bounds.size && all.every(({ abandoned }) => abandoned === 0))
    .map(([policy, all]) => ({ policy, all, sumUs: all.reduce((sum, { meanLatencyUs }) => sum + meanLatencyUs, 0) }));
  const best = means.toSorted((left, right) => left.sumUs - right.sumUs)[0];
  const over = (pick: (bound: Bound) => number): string =>
    best === undefined
      ? ""
      : range(meanInterval(best.all.map(({ seed, meanLatencyUs }) => meanLatencyUs / pick(bounds.get(seed) as Bound))));
  const name = best === undefined ? "" : `\`${best.policy}\``;
  return `| ${cluster} | ${modeOf(load)} | ${bounds.size} | ${name} | ${over(({ aloneUs }) => aloneUs)} | ${over(({ togetherUs }) => togetherUs)} |`;
}

function plannedRow(group: readonly Measured[], cells: readonly Cell[]): readonly string[] {
  const [{ cluster, load } = { cluster: "", load: undefined }] = group;
  const bounds = boundsBySeed(group);
  const tookBy = (kind: "foresight" | "told"): ReadonlyMap<number, number> =>
    new Map(
      group.flatMap((each) => (each.kind === kind && "tookUs" in each ? [[each.seed, each.tookUs] as const] : [])),
    );
  const plain = tookBy("foresight");
  if (plain.size === 0) return [];
  const fate = new Map(
    cells
      .filter((cell) => cell.cluster === cluster && cell.mode === modeOf(load) && cell.policy === "fate")
      .map(({ seed, meanLatencyUs }) => [seed, meanLatencyUs]),
  );
  const over = (took: ReadonlyMap<number, number>): string =>
    range(
      meanInterval([...plain.keys()].map((seed) => (took.get(seed) ?? NaN) / (bounds.get(seed)?.togetherUs ?? NaN))),
    );
  return [
    `| ${cluster} | ${modeOf(load)} | ${plain.size} | ${over(fate)} | ${over(plain)} | ${over(tookBy("told"))} |`,
  ];
}

function boundsBySeed(group: readonly Measured[]): ReadonlyMap<number, Bound> {
  return new Map(group.flatMap((each) => ("aloneUs" in each ? [[each.seed, each] as const] : [])));
}

function range({ mean, low, high }: Interval): string {
  return `${mean.toFixed(3)} (${low.toFixed(3)}, ${high.toFixed(3)})`;
}
