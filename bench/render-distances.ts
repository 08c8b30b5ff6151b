/** The table of distances in Markdown: by policy, and what plans came to, workflow by workflow. */

import type { Distance, DistanceTable } from "../src/bound/distance.ts";
import { defaultCpSatMostStages } from "../src/bound/full-dag.ts";
import type { Interval } from "../src/measure/interval.ts";

type Setting = { readonly command: string; readonly workflows: string; readonly cpSatSeconds: number };

export function renderDistances(table: DistanceTable, distances: readonly Distance[], setting: Setting): string {
  return [
    "# How far policies are from the best there can be",
    "",
    `\`${setting.command}\`: ${table.workflows} workflows, ${setting.workflows}, each alone from the cold cluster. Means of ratios of`,
    "simulated latencies, with 95% intervals over workflows. `docs/bounds.md` says what bounds and plans are.",
    "",
    ...rowsOf(table),
    "",
    ...cpSatLines(table, setting),
    `The best plan known is proven to be the best on ${table.proven} workflows. Against the bound for policies that retain no`,
    `prefixes it stands at ${range(table.bestToPlainBound)}.`,
    "",
    "Seconds, by workflow:",
    "",
    "| workflow | bound | best warm start | CP-SAT's plan | best plan known | found by |",
    "| --- | --- | --- | --- | --- | --- |",
    ...distances.map(
      ({ plan: { workflow, lowerUs, policyUs, cpSat, latencyUs, source } }) =>
        `| ${workflow} | ${seconds(lowerUs)} | ${seconds(policyUs)} | ${cpSat === undefined ? "" : seconds(cpSat.latencyUs)} | ${seconds(latencyUs)} | ${source} |`,
    ),
    "",
  ].join("\n");
}

function rowsOf({ rows, cpSat, bestToBound, workflows }: DistanceTable): string[] {
  const held = cpSat === undefined ? "" : ` (${cpSat.workflows} of ${workflows})`;
  return [
    `| policy | to the bound | to CP-SAT's plan${held} | to the best plan known | never beaten |`,
    "| --- | --- | --- | --- | --- |",
    ...rows.map(
      ({ policy, toBound, toCpSat, toBest, unbeaten }) =>
        `| \`${policy}\` | ${range(toBound)} | ${toCpSat === undefined ? "" : range(toCpSat)} | ${range(toBest)} | ${unbeaten} |`,
    ),
    `| best plan known | ${range(bestToBound)} | | 1 | |`,
  ];
}

function cpSatLines({ cpSat }: DistanceTable, { cpSatSeconds }: Setting): string[] {
  if (cpSat === undefined) return [];
  const { workflows, improved, optimal, policyToCpSat, toBound, toBest } = cpSat;
  return [
    `CP-SAT is given the ${workflows} workflows of up to ${defaultCpSatMostStages} stages, ${cpSatSeconds} of its own seconds each. It improves`,
    `its hint on ${improved} and proves its plan the best in its model on ${optimal}. There the best warm start takes ${range(policyToCpSat)}`,
    `of CP-SAT's plan, and CP-SAT's plan ${range(toBest)} of the best known and ${range(toBound)} of the bound.`,
    "",
  ];
}

export function seconds(us: number): string {
  return (us / 1e6).toFixed(2);
}

function range({ mean, low, high }: Interval): string {
  return `${mean.toFixed(3)} (${low.toFixed(3)}, ${high.toFixed(3)})`;
}
