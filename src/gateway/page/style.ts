/** How the first page looks, by day and by night. */

export const pageStyle = `
:root {
  color-scheme: light dark;
  --ground: light-dark(#fbfaf7, #14161a);
  --card: light-dark(#ffffff, #1c1f25);
  --line: light-dark(#e4e0d8, #2d323b);
  --ink: light-dark(#1d2127, #e9e7e2);
  --quiet: light-dark(#5d6470, #a2a9b5);
  --thread: light-dark(#0f6f6a, #5fc8bd);
  --warm: light-dark(#a2541b, #eba668);
  --track: light-dark(#ece8df, #2a2f37);
  --mono: ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, monospace;
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.25rem 3rem; max-width: 60rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { display: flex; align-items: center; gap: .6rem; margin: 0; font-size: 2rem; font-weight: 650; letter-spacing: -.02em; }
h1 svg { width: 2rem; fill: none; stroke: var(--thread); stroke-width: 1.8; stroke-linecap: round; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.15rem; font-weight: 620; }
h3 { display: flex; justify-content: space-between; margin: 0; font-size: 1rem; font-weight: 620; }
p { margin: .4rem 0 0; max-width: 46rem; }
a { color: var(--thread); text-underline-offset: .2em; }
code, pre { font-family: var(--mono); font-size: .875em; }
#summary, .quiet { color: var(--quiet); }
.quiet { font-size: .875rem; }
.lost #summary { color: var(--warm); }
.lost .engines { opacity: .45; }
.addresses { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: .75rem; margin: 0 0 .75rem; }
.addresses div, .engine { padding: .85rem 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .6rem; }
dt { color: var(--quiet); font-size: .8rem; }
dd { margin: 0; overflow-wrap: anywhere; }
dd code { color: var(--thread); font-size: .95rem; user-select: all; }
details { border-top: 1px solid var(--line); padding: .5rem 0; }
summary { cursor: pointer; }
.command { position: relative; margin: .5rem 0 .25rem; }
pre { margin: 0; padding: .75rem 5rem .75rem 1rem; overflow-x: auto; background: var(--card); border: 1px solid var(--line);
  border-radius: .6rem; line-height: 1.5; }
button { padding: .25rem .7rem; font: inherit; font-size: .8rem; color: var(--ink); background: var(--ground);
  border: 1px solid var(--line); border-radius: .4rem; cursor: pointer; }
button:hover { border-color: var(--thread); }
.command button { position: absolute; top: .5rem; right: .5rem; }
:focus-visible { outline: 2px solid var(--thread); outline-offset: 2px; }
#gate { display: grid; gap: .4rem; margin-bottom: 1rem; }
#gate[hidden] { display: none; }
#gate span { display: flex; gap: .5rem; }
input { flex: 0 1 22rem; min-width: 0; padding: .35rem .6rem; font: inherit; color: inherit; background: var(--card);
  border: 1px solid var(--line); border-radius: .4rem; }
.engines, .chips { margin: 0; padding: 0; list-style: none; }
.engines { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(22rem, 100%), 1fr)); gap: .75rem; }
.engine { border-top: 3px solid var(--thread); }
.engine.down { border-top-color: var(--warm); }
.engine p { margin: 0; }
.state { color: var(--thread); font-size: .8rem; font-weight: 500; }
.down .state, .trouble { color: var(--warm); }
.trouble { font-size: .85rem; overflow-wrap: anywhere; }
.chips { display: flex; flex-wrap: wrap; gap: .3rem; margin: .6rem 0; }
.chip { padding: .05rem .5rem; max-width: 100%; overflow: hidden; text-overflow: ellipsis; font: .75rem/1.5 var(--mono);
  border: 1px solid var(--line); border-radius: 1rem; color: var(--quiet); }
.chip.resident { color: var(--ground); background: var(--thread); border-color: var(--thread); }
.chip.loading { color: var(--warm); border: 1px dashed var(--warm); }
.gauge { display: grid; grid-template-columns: 2.5rem 1fr 9rem; align-items: center; gap: .5rem; font-size: .8rem; color: var(--quiet); }
.figure { font-variant-numeric: tabular-nums; text-align: right; }
progress { width: 100%; height: .4rem; appearance: none; border: 0; border-radius: 1rem; overflow: hidden; background: var(--track); }
progress::-webkit-progress-bar { background: var(--track); }
progress::-webkit-progress-value { background: var(--thread); }
progress::-moz-progress-bar { background: var(--thread); }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
footer { display: flex; gap: 1.25rem; margin-top: 2.5rem; padding-top: 1rem; border-top: 1px solid var(--line); font-size: .875rem; }
@media (max-width: 36rem) {
  .command pre { padding: .75rem 1rem 2.75rem; }
  .command button { top: auto; bottom: .5rem; }
}
@media (prefers-reduced-motion: no-preference) { .chip.loading { animation: wait 1.2s ease-in-out infinite alternate; } }
@keyframes wait { to { opacity: .45; } }
`;
