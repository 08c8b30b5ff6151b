/** How a report looks, by day, by night and on paper, in the inks of the page. */

import { paletteVariables } from "../../../view/draw/palette.ts";

export const reportStyle = `
:root {
  color-scheme: light dark;
${paletteVariables}
  --mono: ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, monospace;
}
* { box-sizing: border-box; }
body { max-width: 78rem; margin: 0 auto; padding: 1.6rem 1.2rem 4rem; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; overflow-wrap: anywhere; }
h1, h2 { margin: 0; font-weight: 620; letter-spacing: -.01em; line-height: 1.25; }
h1 { font-size: 1.7rem; }
h2 { margin-top: 2.6rem; padding-top: .5rem; border-top: 1px solid var(--line); font-size: 1.15rem; scroll-margin-top: .5rem; }
p { max-width: 46rem; margin: .7rem 0; }
a { color: var(--accent); text-underline-offset: .2em; }
code, pre { font-family: var(--mono); font-size: .92em; }
pre { margin: 1rem 0; padding: .6rem .8rem; background: var(--band); border-left: 3px solid var(--accent); white-space: pre-wrap; }
.kind { margin: 0 0 .2rem; color: var(--quiet); font-size: .9rem; }
nav ul { columns: 3 15rem; margin: .4rem 0; padding: 0; list-style: none; font-size: .92rem; }
nav summary { cursor: pointer; }
figure { margin: 1.2rem 0; }
figcaption { color: var(--quiet); font-size: .85rem; }
.wide { overflow-x: auto; margin: .8rem 0; }
figure .wide { margin: .3rem 0; }
figure svg { display: block; height: auto; max-width: 100%; min-width: 40rem; }
.strip { padding-block: 0; vertical-align: middle; }
.strip svg { display: block; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
th, td { padding: .28rem .7rem; text-align: left; vertical-align: baseline; white-space: nowrap; }
thead th, thead td { vertical-align: bottom; min-width: 5.2rem; color: var(--quiet); font-weight: 560; border-bottom: 1px solid var(--line); white-space: normal; }
tbody th { font-weight: 560; position: sticky; left: 0; background: var(--ground); }
tbody tr:nth-child(even) > * { background: var(--band); }
.n { text-align: right; }
td:not(.n) { white-space: normal; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
footer { margin-top: 3rem; color: var(--quiet); font-size: .9rem; }
@media print {
  :root { color-scheme: only light; }
  body { max-width: none; padding: 0; font-size: 9.5pt; }
  nav { display: none; }
  h2 { break-after: avoid; }
  svg, tr { break-inside: avoid; }
  .wide { overflow: visible; }
  figure svg { min-width: 0; }
  table { font-size: 7.5pt; }
  th, td { padding: .15rem .35rem; white-space: normal; }
  tbody th { position: static; }
}
@media (max-width: 40rem) { body { padding: 1rem .8rem 3rem; font-size: 14px; } }
`;
