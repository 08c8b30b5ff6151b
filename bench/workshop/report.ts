/** What the cells say: each policy's figures, and `foresight` and `fate+keep` against each other one, paired by seed, as JSON and as a page. */

import { isTie, meanInterval, type Interval } from "../../src/measure/interval.ts";
import { mean } from "../../src/measure/statistics.ts";
import { renderMarkdown, type Table } from "../../src/experiment/table.ts";
import type { Cell, Driver } from "./cells.ts";
import { modes, parameters, roles, type WorkshopMode } from "./parameters.ts";

export type About = {
  readonly version: string;
  readonly command: string;
  readonly seeds: readonly number[];
  readonly data: string;
  readonly machine: string;
  /** Time that loading each model that is called once takes at least, on average over the seeds. */
  readonly floorUs: number;
};

/** What is compared with all others and with those behind it here; those that are measured. */
const subjects = ["foresight", "fate+keep"];

export type Comparison = {
  readonly driver: Driver;
  readonly mode: WorkshopMode;
  readonly policy: string;
  readonly rival: string;
  /** Own over the rival's, mean over seeds. */
  readonly loadTime: Interval;
  readonly behindLoads: Interval;
  readonly workflowTime: Interval;
};

function compareCells(cells: readonly Cell[]): readonly Comparison[] {
  return [...Map.groupBy(cells, ({ driver, mode }) => `${driver} ${mode}`).values()].flatMap((group) => {
    const names = [...new Set(group.map(({ policy }) => policy))];
    return subjects
      .filter((subject) => names.includes(subject))
      .flatMap((subject) =>
        names
          .filter((name) => !subjects.slice(0, subjects.indexOf(subject) + 1).includes(name))
          .flatMap((rival) => compareTwo(group, subject, rival)),
      );
  });
}

function compareTwo(group: readonly Cell[], policy: string, rival: string): readonly Comparison[] {
  const pairs = group.flatMap((own) => {
    if (own.policy !== policy) return [];
    const other = group.find((cell) => cell.policy === rival && cell.seed === own.seed);
    return other === undefined ? [] : [[own, other] as const];
  });
  const [first] = pairs;
  if (first === undefined) return [];
  const ratio = (of: (cell: Cell) => number): Interval =>
    meanInterval(pairs.map(([own, other]) => of(own) / Math.max(1, of(other))));
  const [{ driver, mode }] = first;
  return [
    {
      driver,
      mode,
      policy,
      rival,
      loadTime: ratio(({ loadUs }) => loadUs),
      behindLoads: ratio(({ behindLoadsUs }) => behindLoadsUs),
      workflowTime: ratio(({ meanUs }) => meanUs),
    },
  ];
}

export function renderJson(about: About, cells: readonly Cell[]): string {
  const summary = summarise(cells);
  const list = (values: readonly object[]): string => values.map((value) => `    ${JSON.stringify(value)}`).join(",\n");
  const head = JSON.stringify({ benchmark: "workshop", ...about, parameters, roles }, undefined, 2).slice(0, -2);
  return `${head},\n  "cells": [\n${list(cells)}\n  ],\n  "summary": [\n${list(summary)}\n  ],\n  "paired": [\n${list(compareCells(cells))}\n  ]\n}\n`;
}

type Summary = Pick<Cell, "driver" | "mode" | "policy"> & { readonly [metric: string]: number | string };

function summarise(cells: readonly Cell[]): readonly Summary[] {
  return [...Map.groupBy(cells, ({ driver, mode, policy }) => `${driver} ${mode} ${policy}`).values()].flatMap(
    (group) => {
      const [first] = group;
      if (first === undefined) return [];
      const { driver, mode, policy } = first;
      const over = (of: (cell: Cell) => number): number => mean(group.map(of));
      return {
        driver,
        mode,
        policy,
        meanUs: Math.round(over(({ meanUs }) => meanUs)),
        p95Us: Math.round(over(({ p95Us }) => p95Us)),
        loads: over(({ loads }) => loads),
        loadUs: Math.round(over(({ loadUs }) => loadUs)),
        behindLoadsUs: Math.round(over(({ behindLoadsUs }) => behindLoadsUs)),
        worstWaitUs: Math.max(...group.map(({ worstWaitUs }) => worstWaitUs)),
        overHardest: over(({ overHardest }) => overHardest),
        heldBack: over(({ heldBack }) => heldBack),
        cachedShare: over(({ cachedShare }) => cachedShare),
      };
    },
  );
}

export function renderPage(about: About, cells: readonly Cell[]): string {
  const summary = summarise(cells);
  const compared = compareCells(cells);
  const drivers = [...new Set(cells.map(({ driver }) => driver))];
  const broken = cells.reduce((sum, { violations, failures }) => sum + violations + failures, 0);
  const parts = drivers.flatMap((driver) =>
    modes
      .filter((mode) => cells.some((cell) => cell.driver === driver && cell.mode === mode))
      .flatMap((mode) => {
        const here = <T extends { readonly driver: Driver; readonly mode: WorkshopMode }>(
          list: readonly T[],
        ): readonly T[] => list.filter((each) => each.driver === driver && each.mode === mode);
        return [
          `## ${driver === "gateway" ? "Through the gateway" : "In the simulator"}, ${mode}`,
          renderMarkdown(toFiguresTable(here(summary))),
          renderMarkdown(toPairedTable(here(compared))),
        ];
      }),
  );
  return `${[introduction(about, broken), ...parts].join("\n\n").replaceAll("\n\n\n", "\n\n").trimEnd()}\n`;
}

function introduction({ command, seeds, version, machine, data, floorUs }: About, broken: number): string {
  const { meanGapSeconds, applications, sessions, hardestWaitSeconds, speed } = parameters;
  return `# workshop

\`${command}\`, version ${version}, seeds ${seeds.join(", ")}, on ${machine}. Data: ${data}. ${broken === 0 ? "Every journal obeys all laws, and every call was answered." : `${broken} laws broken or calls not answered.`}

${applications} applications and ${sessions} coding-agent sessions on the catalogue's \`workshop\` and its five models, one workflow every ${meanGapSeconds.quiet} s (quiet) or
${meanGapSeconds.busy} s (busy) on average. All times are those of the emulated or simulated machines. Through the gateway everything runs ${speed} times as fast,
so that these figures have noise in them; those of the simulator have none. All policies but \`foresight\`, \`fate+keep\` and \`fate\` evict the least recently used model.
\`+regret\` is a prototype: a load is taken to be dearer by the loads that bring its victims back (bench/workshop/eviction-regret.ts).

- **lost to loads**: engine time spent on loading models, a run, loads ahead of need included. Engines are empty at first; to load
  each model that is called once, where that is fastest, takes ${(floorUs / 1e6).toFixed(0)} s.
- **waited behind loads**: time that calls waited while the engine that took them was loading, over all calls.
- **worst wait**: of any call in any seed, from ready to begun; the hardest wait is set to ${hardestWaitSeconds} s.
- **beyond the hardest wait**: calls, a run. Before, nothing begins because of which a call would wait so long; from then on it goes
  before everything. But calls that its engine has begun run to their end, and the model must be loaded. **Held back**: the engine
  even began a call that came later.
- ± is half of a 95% interval over seeds, paired; a ratio whose interval holds 1 is a tie.`;
}

const columns = (...headings: readonly string[]): Table["columns"] =>
  headings.map((heading, index) => ({ heading, align: index === 0 ? "left" : "right" }));

function toFiguresTable(rows: readonly Summary[]): Table {
  const seconds = (us: unknown): string => `${(Number(us) / 1e6).toFixed(0)} s`;
  return {
    columns: columns(
      "policy",
      "lost to loads",
      "loads",
      "waited behind loads",
      "mean workflow",
      "P95",
      "worst wait",
      "beyond the hardest wait",
      "of these held back",
      "prompt tokens cached",
    ),
    rows: rows.map((row) => [
      row.policy,
      seconds(row["loadUs"]),
      Number(row["loads"]).toFixed(1),
      seconds(row["behindLoadsUs"]),
      `${(Number(row["meanUs"]) / 1e6).toFixed(1)} s`,
      seconds(row["p95Us"]),
      seconds(row["worstWaitUs"]),
      Number(row["overHardest"]).toFixed(1),
      Number(row["heldBack"]).toFixed(1),
      `${(Number(row["cachedShare"]) * 100).toFixed(0)}%`,
    ]),
  };
}

function toPairedTable(rows: readonly Comparison[]): Table {
  return {
    columns: columns("paired", "lost to loads", "waited behind loads", "mean workflow"),
    rows: rows.map(({ policy, rival, loadTime, behindLoads, workflowTime }) => [
      `${policy} over ${rival}`,
      showRatio(loadTime),
      showRatio(behindLoads),
      showRatio(workflowTime),
    ]),
  };
}

function showRatio({ mean: centre, low, high }: Interval): string {
  if (!Number.isFinite(low)) return `${centre.toFixed(2)} (one seed)`;
  const tie = isTie({ mean: centre - 1, low: low - 1, high: high - 1 }) ? ", a tie" : "";
  return `${centre.toFixed(2)} ± ${((high - low) / 2).toFixed(2)}${tie}`;
}
