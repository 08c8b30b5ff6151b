/** How the page looks, by day and by night: quiet, dense, legible, in the system's own letters. */

import { paletteVariables } from "./draw/palette.ts";

export const pageStyle = `
:root {
  color-scheme: light dark;
${paletteVariables}
  --mono: ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, monospace;
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html { height: 100%; }
body { display: flex; flex-direction: column; min-height: 100%; margin: 0; background: var(--ground); color: var(--ink);
  font: 13px/1.45 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1, h2, h3 { margin: 0; font-weight: 620; }
h1 { display: flex; align-items: center; gap: .4rem; font-size: 1.1rem; letter-spacing: -.01em; }
h1 svg { width: 1.2rem; fill: none; stroke: var(--accent); stroke-width: 2; stroke-linecap: round; }
h2 { font-size: .95rem; }
h3 { font-size: .9rem; }
p { margin: 0; }
a { color: var(--accent); text-underline-offset: .2em; }
code, pre, .mono { font-family: var(--mono); font-size: .92em; }
.quiet { color: var(--quiet); }
.warn { color: var(--warn); }
.number, td.number, th.number { font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
button, select, input { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 4px; }
button, select { padding: .2rem .55rem; min-height: 1.75rem; cursor: pointer; }
button:hover:not(:disabled), select:hover { border-color: var(--accent); }
button:disabled { color: var(--quiet); cursor: default; opacity: .6; }
button[aria-pressed="true"], nav button[aria-current] { border-color: var(--accent); color: var(--accent); font-weight: 600; }
input[type="search"], input[type="password"] { padding: .2rem .5rem; min-height: 1.75rem; min-width: 0; }
input[type="range"] { accent-color: var(--accent); border: 0; background: none; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }

.top { display: flex; flex-wrap: wrap; align-items: center; gap: .35rem 1rem; padding: .45rem .9rem; border-bottom: 1px solid var(--line); }
#summary { flex: 1 1 16rem; min-width: 0; color: var(--quiet); overflow-wrap: anywhere; }
.lost #summary { color: var(--warn); }
nav, .tools { display: flex; flex-wrap: wrap; gap: .25rem; }
#gate { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem; padding: .6rem .9rem; border-bottom: 1px solid var(--line); }
#notice { padding: .4rem .9rem; border-bottom: 1px solid var(--line); color: var(--warn); overflow-wrap: anywhere; }

.strip-top { display: flex; flex-wrap: wrap; align-items: center; gap: .2rem 1.6rem; padding: .35rem .9rem; border-bottom: 1px solid var(--line); }
.counters { display: flex; flex-wrap: wrap; margin: 0; gap: .2rem 1.6rem; }
.what-if { display: flex; align-items: center; justify-content: flex-end; gap: .6rem; flex: 1 1 24rem; min-width: 0; }
.what-if p { max-width: 24rem; line-height: 1.25; font-size: .88em; }
.what-if button { flex: none; }
.counters div { min-width: 4.5rem; }
.counters dt { color: var(--quiet); font-size: .85em; white-space: nowrap; }
.counters dd { margin: 0; font-size: 1.1rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
.counters dd small { font-size: .78rem; color: var(--quiet); }

#run { display: flex; flex-direction: column; flex: 1; min-height: 0; }
.chart { position: relative; padding: .35rem .9rem 0; }
.chart canvas { display: block; width: 100%; touch-action: pan-y; cursor: crosshair; }
.legend { display: flex; flex-wrap: wrap; align-items: center; gap: .2rem .9rem; padding-bottom: .25rem; color: var(--quiet); }
.legend h2 { color: var(--ink); }
.legend span::before { content: ""; display: inline-block; width: .95rem; height: .7rem; margin-right: .35rem; vertical-align: -1px; background: var(--swatch); }
.legend .load { --swatch: var(--load); } .legend .load::before { height: .6rem; border-top: 0; }
.legend .transfer { --swatch: var(--transfer); } .legend .transfer::before { height: .28rem; vertical-align: 3px; }
.legend .prefill { --swatch: var(--prefill); } .legend .decode { --swatch: var(--decode); }
.legend .hold { --swatch: var(--hold); } .legend .hold::before { height: 2px; vertical-align: 4px; }
.legend .down { --swatch: var(--down); }
.legend .tools { margin-left: auto; }
#tip { position: absolute; z-index: 2; max-width: 24rem; padding: .25rem .5rem; background: var(--ink); color: var(--ground); border-radius: 3px;
  font-size: .85em; pointer-events: none; overflow-wrap: anywhere; }
.time { display: flex; align-items: center; gap: .35rem; padding: .35rem .9rem; border-bottom: 1px solid var(--line); }
.time input { flex: 1; min-width: 4rem; }
.time output { min-width: 9.5rem; text-align: right; font-variant-numeric: tabular-nums; }

.columns { display: grid; grid-template-columns: minmax(16rem, 19rem) minmax(20rem, 1fr) minmax(24rem, 1fr); flex: 1; min-height: 20rem; }
.columns > section { display: flex; flex-direction: column; min-width: 0; min-height: 0; border-right: 1px solid var(--line); }
.columns > section:last-child { border-right: 0; }
.bar { display: flex; flex-wrap: wrap; align-items: center; gap: .3rem .6rem; padding: .4rem .9rem; border-bottom: 1px solid var(--line); }
.bar input[type="search"] { flex: 1 1 10rem; }
.bar select { margin-left: auto; max-width: 8.2rem; }
.scroll { position: relative; flex: 1; min-height: 0; overflow: auto; height: 20rem; }
.inside { padding: .6rem .9rem; }
.inside > * + * { margin-top: .55rem; }

.virtual { position: relative; }
.row { position: absolute; left: 0; right: 0; display: grid; align-content: center; padding: 0 .9rem; border-bottom: 1px solid var(--line);
  cursor: pointer; overflow: hidden; }
.row[aria-selected="true"] { background: var(--band); box-shadow: inset 3px 0 var(--accent); }
.row:hover { background: var(--band); }
.row .line { display: flex; gap: .5rem; justify-content: space-between; min-width: 0; white-space: nowrap; }
.row .name { overflow: hidden; text-overflow: ellipsis; }
.row .name b { font-weight: 600; }
.meter { position: relative; height: 3px; margin-top: 3px; background: var(--line); }
.meter i { position: absolute; inset: 0 auto 0 0; background: var(--quiet); }
.risk { font-size: .85em; white-space: nowrap; }
.risk.late, .risk.risky, .risk.missed { color: var(--warn); font-weight: 600; }
.risk.tight { color: var(--ink); font-weight: 600; }
.risk.fine, .risk.met, .risk.none, .risk.over { color: var(--quiet); }

.graph { overflow: auto; max-height: 22rem; border: 1px solid var(--line); background: var(--card); }
.graph svg { display: block; font-family: inherit; }
.graph g[tabindex] { cursor: pointer; }
.graph g[tabindex]:focus-visible { outline: 2px solid var(--accent); }
table { width: 100%; border-collapse: collapse; font-size: .95em; }
caption { text-align: left; color: var(--quiet); padding-bottom: .2rem; }
th { text-align: left; font-weight: 500; color: var(--quiet); white-space: nowrap; }
th, td { padding: .16rem .4rem .16rem 0; border-bottom: 1px solid var(--line); vertical-align: baseline; }
td.id { overflow-wrap: anywhere; }
.where { white-space: nowrap; }
tr.chosen td { font-weight: 600; }
tr.chosen td:first-child { box-shadow: inset 3px 0 var(--accent); padding-left: .5rem; }
tr.out td { color: var(--quiet); }
tbody tr[tabindex] { cursor: pointer; }
tbody tr[tabindex] td:first-child { padding-left: .5rem; }
tbody tr[tabindex]:hover { background: var(--band); }
tbody tr[aria-selected="true"] { background: var(--band); box-shadow: inset 3px 0 var(--accent); }
.wide { overflow-x: auto; }
.strip { display: flex; height: 7px; min-width: 4rem; background: var(--line); }
.strip i { display: block; height: 100%; }
.strip .load { background: var(--load); } .strip .transfer { background: var(--transfer); } .strip .prefill { background: var(--prefill); }
.strip .decode { background: var(--decode); } .strip .queue, .strip .placement, .strip .wait { background: var(--hold); }
.strip .parents { background: none; } .strip .tool, .strip .merge, .strip .shard { background: var(--quiet); }
.chips { display: flex; flex-wrap: wrap; gap: .2rem; }
.chip { padding: 0 .4rem; max-width: 14rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font: .85em/1.5 var(--mono);
  border: 1px solid var(--line); border-radius: 3px; }
.chip.loading { border-style: dashed; border-color: var(--load); }
.facts { display: flex; flex-wrap: wrap; gap: .15rem 1.1rem; color: var(--quiet); }
.facts b { color: var(--ink); font-weight: 500; }

.page { flex: 1; padding: .9rem; }
#engines .row { grid-template-columns: 10rem 7rem 1fr 7rem 11rem 17rem; gap: .75rem; align-items: center; align-content: stretch; cursor: default; }
#engines .row > div { min-width: 0; max-height: 100%; overflow: hidden; }
#engines .row .chips { max-height: 2.9em; }
#engines .heads { position: static; padding-block: .25rem; color: var(--quiet); }
.cut { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
#engines .scroll { height: calc(100vh - 9rem); }
.pair { display: grid; gap: .75rem; }
.addresses { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: .75rem; margin: .6rem 0; }
.addresses div { padding: .6rem .8rem; background: var(--card); border: 1px solid var(--line); border-radius: 4px; }
.addresses dt { color: var(--quiet); }
.addresses dd { margin: 0; overflow-wrap: anywhere; }
.connect { max-width: 60rem; }
.connect h2 { margin: 1.4rem 0 .5rem; }
details { border-top: 1px solid var(--line); padding: .35rem 0; }
summary { cursor: pointer; }
.command { position: relative; margin: .4rem 0; }
.command pre { margin: 0; padding: .6rem 5rem .6rem .8rem; overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 4px; }
.command button { position: absolute; top: .35rem; right: .35rem; }
dialog { width: min(42rem, calc(100vw - 2rem)); padding: 1rem 1.2rem; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 6px; }
dialog::backdrop { background: rgb(0 0 0 / .35); }
dialog .tools { margin-top: .8rem; }
kbd { padding: 0 .3rem; border: 1px solid var(--line); border-radius: 3px; font: .9em var(--mono); }
.menu { position: relative; }
.menu > div { position: absolute; right: 0; z-index: 3; display: grid; gap: .25rem; width: 15rem; padding: .5rem; margin-top: .25rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 4px; }
.menu > div button { text-align: left; }
.dropping::after { content: "Drop one journal to open it, two to compare them"; position: fixed; inset: 1rem; z-index: 9; display: grid; place-items: center;
  border: 3px dashed var(--accent); border-radius: 8px; background: color-mix(in srgb, var(--ground) 85%, transparent); font-size: 1.4rem; pointer-events: none; }

@media (min-width: 70rem) and (min-height: 40rem) {
  body.fits { height: 100vh; overflow: hidden; }
  .fits .columns { min-height: 0; }
  .fits .columns .scroll { height: auto; }
}
@media (max-width: 70rem) {
  .columns { grid-template-columns: 1fr; }
  .columns > section { border-right: 0; }
  .columns .scroll { flex: none; height: auto; max-height: 80vh; }
  .columns #list { height: 18rem; }
  #engines .heads { display: none; }
  #engines .row .chips { max-height: 4.4em; }
  #engines .scroll { height: 80vh; }
  #engines .row { grid-template-columns: 1fr 1fr; gap: .2rem .75rem; align-content: center; }
}
@media (max-width: 40rem) {
  .counters { gap: .15rem 1.1rem; }
  .counters dd { font-size: 1rem; }
  .time { flex-wrap: wrap; }
  .time input { order: 9; flex-basis: 100%; }
  .time output { flex: 1; min-width: 0; }
  .legend .tools { margin-left: 0; }
  button, select, input { min-height: 2.2rem; }
  .menu > div { right: auto; left: 0; }
}
`;
