/** The standing of a policy as one page, and as a file with one cell a line. */

import { showSeeds } from "../report.ts";
import { heading, table, text, toPages, type Page, type Part, type Words } from "../report-parts.ts";
import type { Standing } from "./stand.ts";
import { bearable, closeShare, isBeyond, sizeOf, toTotals, type MissingPlace, type StandingRow } from "./standing.ts";
import { gridTable, nameOf, placesTable, showShort, totalsTable } from "./tables.ts";

const limit = `${bearable * 100}%`;

/** `name` is that of both files, without ending. */
export function toStandingPages(name: string, command: string, standing: Standing): readonly Page[] {
  const { policy, sources, rows, missing } = standing;
  const benchmarks = [...new Set(rows.map(({ benchmark }) => benchmark))];
  const seeds = sources.map(({ benchmark, seeds: own, version }) => `${benchmark}: ${showSeeds(own)}, code ${version}`);
  const [page] = toPages({
    name,
    head: { words: introduce(standing), command, facts: `Seeds of ${seeds.join("; ")}.` },
    overview: [
      ...(rows.length === 0 ? [] : [heading("Totals"), table(totalsTable(toTotals(rows))), toBeyond(rows)]),
      ...againstReference(standing),
      ...toMissing(policy, missing),
    ],
    details: benchmarks.flatMap((benchmark) => toBenchmark(rows.filter((row) => row.benchmark === benchmark))),
  });
  return [...(page === undefined ? [] : [page]), { name: `${name}.json`, text: renderStanding(command, standing) }];
}

export function renderStanding(command: string, { policy, sources, rows, toReference, missing }: Standing): string {
  const totals = toTotals(rows).map(({ worst, ...total }) => ({ ...total, worst: worst?.difference ?? null }));
  const cells = rows.map(countOthers);
  const lists = Object.entries({ sources, totals, cells, toReference: toReference.map(countOthers), missing }).map(
    ([name, list]) =>
      `  ${JSON.stringify(name)}: [${list.length === 0 ? "" : `\n${list.map((item) => `    ${JSON.stringify(item)}`).join(",\n")}\n  `}]`,
  );
  return `{\n  "policy": ${JSON.stringify(policy)},\n  "command": ${JSON.stringify(command)},\n${lists.join(",\n")}\n}\n`;
}

function countOthers({ others, ...row }: StandingRow): object {
  return { ...row, others: others.length };
}

function introduce({ policy, sources, rows }: Standing): Words {
  const again = new Set(
    sources.map(({ benchmark }) => benchmark).filter((name, index, all) => all.indexOf(name) < index),
  );
  const further =
    again.size === 0
      ? ""
      : ` On further seeds of ${[...again].join(" and ")} ran those of them that had come within ${closeShare * 100}% of the best on the first.`;
  const told = rows.some((row) => row.told !== undefined)
    ? ` Told is how the same policy differs from itself when it is shown all lengths as they will come true, which nobody can know: an upper
yardstick, neither a win nor a loss.`
    : "";
  return [
    { code: policy },
    ` against the best of all others, in every cell of every benchmark. Less is better. All times are simulated, but for those of the gateway in
workshop.

The best other is chosen after the fact: in each cell, and for each measure anew, it is the one with the least value over the same seeds.
The best of many owes part of its place to luck, so that this asks for more than to be better than any one other, named beforehand. Others
are all whole policies that ran: no form of `,
    { code: policy },
    ` itself, no policy of this project with a part less or another setting, and nothing that is told the lengths.${further}

A difference is relative to the best other and paired by seed, with its 95% interval. If that holds 0 it is a tie; with one seed, which gives
no interval, if the difference is at most ${limit}. The mean and the P95, that of all seeds together, are ratios to round-robin; in workshop they are
times.${told}`,
  ];
}

/** So many of them are named. */
const mostNamed = 12;

function toBeyond(rows: readonly StandingRow[]): Part {
  const beyond = rows.filter((row) => row.outcome === "loss" && isBeyond(row));
  if (beyond.length === 0) return text(`No loss beyond ${limit}.`);
  const named = beyond
    .toSorted((one, other) => sizeOf(other) - sizeOf(one))
    .slice(0, mostNamed)
    .map((row) => `${row.benchmark} ${nameOf(row)}, ${row.measure} ${showShort(row)} to ${row.best.policy}`);
  const which = beyond.length > mostNamed ? `, of which the largest ${mostNamed}` : "";
  return text(`Losses beyond ${limit}: ${beyond.length}${which}: ${named.join("; ")}.`);
}

function againstReference({ toReference }: Standing): readonly Part[] {
  const [first] = toReference;
  if (first === undefined) return [];
  const totals = toTotals(toReference).slice(0, -1);
  return [
    heading(`Against ${first.best.policy}`),
    text("In every place of agents, over the same seeds."),
    table(totalsTable(totals)),
  ];
}

function toMissing(policy: string, missing: readonly MissingPlace[]): readonly Part[] {
  if (missing.length === 0) return [];
  const byBenchmark = Map.groupBy(missing, ({ benchmark }) => benchmark);
  const lines = [...byBenchmark].map(([benchmark, places]) => {
    const clusters = [...Map.groupBy(places, ({ cluster }) => cluster)].map(
      ([cluster, own]) =>
        `${cluster} (${own.length > 8 ? `${own.length} modes` : own.map(({ mode }) => mode).join(", ")})`,
    );
    return `- ${benchmark}: ${clusters.join("; ")}`;
  });
  return [text(["Missing, since ", { code: policy }, ` did not run there:\n\n${lines.join("\n")}`])];
}

function toBenchmark(rows: readonly StandingRow[]): readonly Part[] {
  const [first] = rows;
  if (first === undefined) return [];
  const title = heading(first.benchmark);
  const measures = [...new Set(rows.map(({ measure }) => measure))];
  // So many places would not fit a page by the row, and with errors not even as a grid.
  if (first.benchmark.includes(", error")) return [];
  if (!first.benchmark.startsWith("agents")) return [title, table(placesTable(rows, measures))];
  return [
    title,
    ...measures.flatMap((measure): readonly Part[] => [
      text(
        `${measure} by workload and load: W is a win, T a tie, L a loss. The best others, and places with errors, are in the file.`,
      ),
      table(gridTable(rows.filter((row) => row.measure === measure))),
    ]),
  ];
}
