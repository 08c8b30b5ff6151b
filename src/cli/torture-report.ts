/** What a campaign of `fate torture` came to, for a terminal and as a page of `docs/results`. */

import { showDuration } from "../experiment/format.ts";
import { renderMarkdown, renderText, type Table } from "../experiment/table.ts";
import type { Sum } from "../torture/campaign.ts";
import { allFaultKinds, faultKinds } from "../torture/faults.ts";
import { torturedLaws } from "../torture/laws/report.ts";

export type Told = { readonly sum: Sum; readonly seconds: number; readonly command: string; readonly machine: string };

export function renderTorture({ sum, seconds }: Pick<Told, "sum" | "seconds">): string {
  return `${renderText(faultTable(sum))}\n${inWords(sum, seconds)}\n`;
}

export function renderTorturePage(told: Told): string {
  const laws = Object.entries(torturedLaws).map(([name, claim]) => [name, claim]);
  const lawTable: Table = { columns: [left("law"), left("what holds")], rows: laws };
  return `# torture

The live core under faults, in simulated time: [docs/torture.md](../torture.md) says what a world is made of.

\`\`\`sh
${told.command}
\`\`\`

${told.machine}.

${inWords(told.sum, told.seconds)}

## What went wrong

${renderMarkdown(faultTable(told.sum))}
## What held in every world

${renderMarkdown(lawTable)}`;
}

function inWords(sum: Sum, seconds: number): string {
  const { worlds, faultSteps, steps, accepted, calls, virtualMs, broken } = sum;
  const lived = `${showDuration(virtualMs * 1000)} of simulated time in ${seconds.toFixed(0)} s`;
  const work = `${show(accepted)} workflows accepted, ${show(calls)} calls`;
  const verdict = broken === undefined ? "No law was broken." : `Seed ${broken.seed} broke a law.`;
  return `${show(worlds)} worlds, ${show(faultSteps)} faults, ${show(steps)} steps: ${lived}; ${work}. ${verdict}`;
}

function faultTable({ faults }: Sum): Table {
  const rows = allFaultKinds.map((kind) => [kind, show(faults.get(kind) ?? 0), faultKinds[kind].summary]);
  return { columns: [left("fault"), { heading: "times", align: "right" }, left("what happens")], rows };
}

function left(heading: string): Table["columns"][number] {
  return { heading, align: "left" };
}

function show(count: number): string {
  return count.toLocaleString("en");
}
