/** A report as one file that stands alone: tables, drawings and style inside, no script, nothing from anywhere else. */

import { createHash } from "node:crypto";
import { pagePalette } from "../../../view/draw/palette.ts";
import { escapeText, toSvg } from "../../../view/draw/to-svg.ts";
import type { Table } from "../../table.ts";
import { heading, table, type Part, type Report, type Source, type Strips, type Words } from "../report-parts.ts";
import { drawStrips } from "./strips.ts";
import { reportStyle } from "./style.ts";

/** `policies`: what each is, in a sentence. `extras` stand between what is over all groups and the groups. */
export function renderHtml(
  report: Report,
  policies: Readonly<Record<string, string>>,
  extras: readonly Part[] = [],
): string {
  const { name, head, overview, details } = report;
  const parts = [...overview, ...extras, ...details, ...aboutPolicies(policies)];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta name="color-scheme" content="light dark" />
<meta http-equiv="Content-Security-Policy" content="${escapeText(contentPolicy)}" />
<title>${escapeText(name)}: fate bench</title>
<style>${reportStyle}</style>
</head>
<body>
<header>
<p class="kind">Benchmark, simulated</p>
<h1>${escapeText(name)}</h1>
<p>${toHtml(head.words)}</p>
<pre><code>${escapeText(head.command)}</code></pre>
<p>${escapeText(head.facts)}</p>
</header>
${renderContents(parts)}
<main>
${renderParts(parts, head)}
</main>
<footer><p>All of this can be computed again from the cells in <code>${escapeText(name)}.json</code>.</p></footer>
</body>
</html>
`;
}

/** Its own style and nothing else, from nowhere. */
const contentPolicy = `default-src 'none'; style-src 'sha256-${createHash("sha256").update(reportStyle).digest("base64")}'; base-uri 'none'; form-action 'none'`;

function aboutPolicies(policies: Readonly<Record<string, string>>): readonly Part[] {
  const rows = Object.entries(policies).map(([policy, summary]) => [policy, summary]);
  if (rows.length === 0) return [];
  const columns = ["policy", "what it is"].map((text) => ({ heading: text, align: "left" }) as const);
  return [heading("Policies"), table({ columns, rows })];
}

function renderContents(parts: readonly Part[]): string {
  const links = parts
    .filter((part) => part.kind === "heading")
    .map(({ words }, index) => `<li><a href="#part-${index + 1}">${toHtml(words)}</a></li>`);
  return `<nav aria-label="Contents"><details open=""><summary>Contents</summary><ul>\n${links.join("\n")}\n</ul></details></nav>`;
}

/** Each figure says where it comes from. */
function renderParts(parts: readonly Part[], head: Source): string {
  let headings = 0;
  let latest: Words = "";
  return parts
    .map((part) => {
      switch (part.kind) {
        case "heading":
          headings += 1;
          latest = part.words;
          return `<h2 id="part-${headings}">${toHtml(part.words)}</h2>`;
        case "text":
          return `<p>${toHtml(part.words)}</p>`;
        case "table":
          return renderTable(part.table, part.strips, toPlain(latest));
        case "plot":
          return `<figure>${renderSource(part.source ?? head)}${scroll(part.about, toSvg(part.drawing.shapes, part.drawing, pagePalette))}</figure>`;
      }
    })
    .join("\n");
}

function renderSource({ command, facts }: Source): string {
  return `<figcaption><code>${escapeText(command)}</code>. ${escapeText(facts)}</figcaption>`;
}

/** The first cell of a row names it. */
function renderTable({ columns, rows }: Table, strips: Strips | undefined, about: string): string {
  const drawn = strips === undefined ? [] : drawStrips(strips);
  const beside = (row: number): string => (strips === undefined ? "" : `<td class="strip">${drawn[row] ?? ""}</td>`);
  const mark = (index: number): string => (columns[index]?.align === "right" ? ' class="n"' : "");
  const head = columns.map(({ heading: text }, index) =>
    text === "" ? "<td></td>" : `<th scope="col"${mark(index)}>${escapeText(text)}</th>`,
  );
  if (strips !== undefined) head.splice(1, 0, `<th scope="col">${escapeText(strips.heading)}</th>`);
  const body = rows.map((cells, row) => {
    const [first = "", ...rest] = cells;
    const others = rest.map((cell, index) => `<td${mark(index + 1)}>${escapeText(cell)}</td>`);
    return `<tr><th scope="row">${escapeText(first)}</th>${beside(row)}${others.join("")}</tr>`;
  });
  const content = `<table>
<thead><tr>${head.join("")}</tr></thead>
<tbody>
${body.join("\n")}
</tbody></table>`;
  return scroll(about, content);
}

/** What is wide scrolls by itself, also by keyboard. */
function scroll(about: string, content: string): string {
  return `<div class="wide" tabindex="0" role="region" aria-label="${escapeText(about)}">\n${content}</div>`;
}

function toHtml(words: Words): string {
  return typeof words === "string"
    ? escapeText(words)
    : words
        .map((piece) => (typeof piece === "string" ? escapeText(piece) : `<code>${escapeText(piece.code)}</code>`))
        .join("");
}

function toPlain(words: Words): string {
  return typeof words === "string"
    ? words
    : words.map((piece) => (typeof piece === "string" ? piece : piece.code)).join("");
}
