/** Which two runs a report shows over time, and what it says of them. */

import { policies } from "../../../policy/policies.ts";
import type { CellResult, CellSpec, PolicyName } from "../../cell.ts";
import type { BenchFile } from "../bench-file.ts";
import { toCells, trainingOffset, type Group } from "../benchmark.ts";
import { rowsAt } from "../group-tables.ts";
import { isAt, toPlaces } from "../places.ts";
import { baseline, isAblation, isSharding, pickSubject, references } from "../policy-lists.ts";
import { heading, plot, text, type Part } from "../report-parts.ts";
import { isTold } from "../told.ts";
import { drawLongest, drawRuns, isCrowded } from "./draw-runs.ts";
import type { SeenRun } from "./see-runs.ts";

export type Shown = {
  readonly cluster: string;
  readonly mode: string;
  readonly seed: number;
  /** The subject, and the strongest of its yardsticks there. */
  readonly policies: readonly string[];
};

const heightOfRow = "A row is as high as its engine has shares at once, against the most that it has in either run.";

/** Where `wanted` is, or else the first place: the subject, and of its yardsticks the one with the least mean ratio there. */
export function pickShown(file: BenchFile, wanted: Pick<Shown, "cluster" | "mode">, seed?: number): Shown | undefined {
  const places = toPlaces(file);
  const place = places.find(({ cluster, mode }) => cluster === wanted.cluster && mode === wanted.mode) ?? places[0];
  if (place === undefined) return undefined;
  const rows = rowsAt(file, place);
  const subject = pickSubject(rows.map(({ policy }) => policy));
  const others = rows.filter(
    ({ policy }) => policy !== subject && policy !== baseline && !isAblation(policy) && !isTold(policy),
  );
  const rival = others.find(({ policy }) => references.includes(policy) || !isSharding(policy)) ?? others[0];
  const seeds = file.cells.filter((cell) => isAt(place)(cell) && cell.policy === subject).map((cell) => cell.seed);
  const own = seed !== undefined && seeds.includes(seed) ? seed : seeds[0];
  if (rival === undefined || own === undefined) return undefined;
  return { ...place, seed: own, policies: [subject, rival.policy] };
}

/** Empty where a policy or the place is none of those of now: an old result file may have such. */
export function toShownSpecs(groups: readonly Group[], { cluster, mode, seed, policies: names }: Shown): CellSpec[] {
  const known = names.filter((name): name is PolicyName => Object.hasOwn(policies, name));
  if (known.length < names.length) return [];
  const narrowing = { clusters: [cluster], modes: [mode], policies: known, seeds: [seed] };
  const cells = toCells(groups, narrowing, { training: seed > trainingOffset, check: false });
  return known.flatMap((policy) => {
    const spec = cells.find((cell) => cell.spec.policy === policy)?.spec;
    if (spec === undefined) return [];
    const { bounds: _, ...rest } = spec;
    return rest;
  });
}

export type ShownRuns = {
  readonly shown: Shown;
  readonly runs: readonly SeenRun[];
  /** Of the code that ran them. */
  readonly version: string;
  /** Whether a run came out as the result file has it. */
  readonly agrees: (shown: Shown, result: CellResult) => boolean;
};

export function toShownParts(benchmark: string, { shown, runs, version, agrees }: ShownRuns): readonly Part[] {
  const { cluster, mode, seed } = shown;
  const place = `${cluster}, ${mode}, seed ${seed}`;
  const [one = "", other = ""] = shown.policies;
  const same = runs.every(({ result }) => agrees(shown, result));
  const training = seed > trainingOffset ? " --training" : "";
  const source = {
    command: `fate bench ${benchmark}${training} --clusters ${cluster} --modes ${mode} --seeds ${seed} --policies ${one},${other}`,
    facts: `Code ${version}.`,
  };
  const longest = drawLongest(runs, (workflow) => `${place}: workflow ${workflow}, which takes longest, simulated`);
  return [
    heading("Two policies over time"),
    text([
      { code: one },
      " above, ",
      { code: other },
      ` below: the same workflows on ${cluster}, ${mode}, seed ${seed}, run again for this picture. `,
      same
        ? "They came out as the result file has them."
        : "The code has changed since the result file was written, and they did not come out as it has them.",
      ...(isCrowded(runs) ? [` ${heightOfRow}`] : []),
    ]),
    plot(
      `${benchmark}-runs.svg`,
      `Engines over time, ${place}`,
      drawRuns(runs, `${place}: engines over time, simulated`),
      source,
    ),
    ...(longest === undefined
      ? []
      : [
          text("The workflow that takes longest under both together, from its arrival on:"),
          plot(`${benchmark}-longest.svg`, `The longest workflow over time, ${place}`, longest, source),
        ]),
  ];
}
