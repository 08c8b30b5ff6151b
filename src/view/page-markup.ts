/** What stands on the page before anything is known; the script fills it. */

const usual = "http://127.0.0.1:7373";

export const pageMarkup = `
<header class="top">
  <h1><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M2 6c7 0 6 12 20 12M2 12h20M2 18C9 18 8 6 22 6"/></svg>Fate</h1>
  <p id="summary" role="status">One address for all your engines. Calls of one workflow are planned together.</p>
  <nav aria-label="Views">
    <button type="button" data-view="run">Run</button>
    <button type="button" data-view="engines">Engines</button>
    <button type="button" data-view="compare" hidden>Compare</button>
    <button type="button" data-view="connect">Connect</button>
  </nav>
  <div class="tools">
    <button type="button" id="live" hidden>Back to live</button>
    <button type="button" id="open">Open…</button>
    <input type="file" id="file" multiple hidden accept=".ndjson,.jsonl,.gz,.json">
    <div class="menu"><button type="button" id="export" aria-haspopup="true" aria-expanded="false">Export</button>
      <div id="exports" hidden>
        <button type="button" data-export="perfetto">Trace for Perfetto (JSON)</button>
        <button type="button" data-export="svg">What is seen (SVG)</button>
        <button type="button" data-export="workflows">Workflows (CSV)</button>
        <button type="button" data-export="stages">Stages (CSV)</button>
        <button type="button" data-export="spans">Spans of engines (CSV)</button>
      </div>
    </div>
    <button type="button" id="theme" title="Day, night, or as the system has it">Theme: system</button>
    <button type="button" id="help" aria-label="Keys and words" title="Keys and words (?)">?</button>
  </div>
</header>
<form id="gate" hidden>
  <label for="key">A key of this gateway shows its engines.</label>
  <input id="key" type="password" autocomplete="off" required><button>Show</button>
</form>
<p id="notice" role="alert" hidden></p>
<main id="run">
  <div class="strip-top"><dl class="counters" id="counters"></dl>
    <div id="what-if" class="what-if" hidden><button type="button" id="ask-what-if">What if: round-robin</button>
      <p id="what-if-told" class="quiet" role="status"></p></div></div>
  <section class="chart" aria-labelledby="chart-title">
    <div class="legend">
      <h2 id="chart-title">Engines over time</h2>
      <span class="load">load</span><span class="transfer">transfer</span><span class="prefill">prefill</span><span class="decode">decode</span>
      <span class="hold">waits in its place</span><span class="down">down</span>
      <div class="tools">
        <button type="button" data-zoom="out" aria-label="Show a longer time">−</button>
        <button type="button" data-zoom="in" aria-label="Show a shorter time">+</button>
        <button type="button" data-zoom="all">All</button>
      </div>
    </div>
    <canvas id="chart" tabindex="0" role="img" aria-label="Engines over time"></canvas>
    <div id="tip" hidden></div>
  </section>
  <div class="time" role="group" aria-label="Time that is looked at">
    <button type="button" data-step="first" title="To the beginning (Home)" aria-label="To the beginning">|◂</button>
    <button type="button" data-step="-1" title="One record back (,)" aria-label="One record back">◂</button>
    <button type="button" id="play" title="Play (space)" aria-label="Play">▶</button>
    <button type="button" data-step="1" title="One record on (.)" aria-label="One record on">▸</button>
    <button type="button" data-step="place" title="To the next placement (])" aria-label="To the next placement">▸▸</button>
    <input type="range" id="scrub" min="0" max="1000000" step="500" value="1000000" aria-label="Time">
    <output id="clock" for="scrub"></output>
    <button type="button" id="follow" aria-pressed="true" title="Stay at the latest (f)">Follow</button>
  </div>
  <div class="columns">
    <section aria-labelledby="list-title">
      <div class="bar"><h2 id="list-title">Workflows</h2>
        <select id="which" aria-label="Which workflows, in which order"><option value="risk">by risk</option><option value="open">open, by risk</option>
          <option value="over">over, latest first</option><option value="arrival">by arrival</option></select>
        <input type="search" id="filter" placeholder="Filter: name, class, tenant" aria-label="Filter workflows"></div>
      <div class="scroll" id="list" role="listbox" tabindex="0" aria-labelledby="list-title"></div>
    </section>
    <section aria-labelledby="flow-title">
      <div class="bar"><h2 id="flow-title">Workflow</h2></div>
      <div class="scroll" id="flow"><p class="inside quiet">Choose a workflow, or a bar above.</p></div>
    </section>
    <section aria-labelledby="why-title">
      <div class="bar"><h2 id="why-title">Why there</h2></div>
      <div class="scroll" id="why"><p class="inside quiet">Choose a stage to see which engines could have taken it, and at what cost.</p></div>
    </section>
  </div>
</main>
<main id="engines" hidden>
  <div class="bar"><h2 id="engines-title">Engines: what is resident and cached where, and what waits</h2>
    <span class="quiet" id="engines-told"></span>
    <input type="search" id="engine-filter" placeholder="Filter by name, GPU, model" aria-label="Filter engines"></div>
  <div class="row heads" aria-hidden="true"><div>engine</div><div>state</div><div>resident</div><div>running, queued</div><div>KV in use</div><div>prompt tokens cached</div></div>
  <div class="scroll" id="engine-list" role="list" tabindex="0" aria-labelledby="engines-title"></div>
</main>
<main id="compare" class="page" hidden></main>
<main id="connect" class="page connect" hidden>
  <h2>Point a client here</h2>
  <dl class="addresses">
    <div><dt>OpenAI</dt><dd><code data-origin>${usual}/v1</code></dd></div>
    <div><dt>Anthropic</dt><dd><code data-origin>${usual}</code></dd></div>
  </dl>
  ${snippet(
    "Any agent, by its environment",
    `export OPENAI_BASE_URL=${usual}/v1
export ANTHROPIC_BASE_URL=${usual}`,
    true,
  )}
  ${snippet(
    "openai, in TypeScript or JavaScript",
    `import OpenAI from "openai";

const client = new OpenAI({
  baseURL: "${usual}/v1",
  apiKey: "none",
  defaultHeaders: { "x-workflow-id": crypto.randomUUID() },
});
const answer = await client.chat.completions.create({
  model: "MODEL",
  messages: [{ role: "user", content: "Hello." }],
});`,
  )}
  ${snippet(
    "curl",
    `curl ${usual}/v1/chat/completions \\
  -H 'content-type: application/json' \\
  -H 'x-workflow-id: report-17' \\
  -d '{"model": "MODEL", "messages": [{"role": "user", "content": "Hello."}]}'`,
  )}
  ${snippet("A whole workflow, planned ahead", `fate run workflow.yaml --url ${usual}`)}
  <p class="quiet">Calls that carry the same <code>x-workflow-id</code> are one workflow. What Claude Code, Codex and others send of their
    own is understood too. Each answer says in <code>x-fate-route</code> where it came from, and why.</p>
  <h2>See it at work</h2>
  <p>A mixed load of agents, through one gateway that deals calls out in turn and one that plans, side by side in the terminal, in half
    a minute and without a GPU:</p>
  ${command("npm run demo")}
  <p class="quiet"><a href="/v1/models">models</a> <a href="/fate/status">status</a> <a href="/metrics">metrics</a></p>
</main>
<noscript><p class="page">Without JavaScript, <a href="/fate/status">/fate/status</a> says what the engines do.</p></noscript>
<dialog id="keys" aria-labelledby="keys-title">
  <h2 id="keys-title">Keys</h2>
  <table>
    <tr><td><kbd>1</kbd> to <kbd>4</kbd></td><td>views: run, engines, compare, connect</td></tr>
    <tr><td><kbd>←</kbd> <kbd>→</kbd> <kbd>+</kbd> <kbd>−</kbd> <kbd>0</kbd></td><td>earlier, later, closer, farther, all of it</td></tr>
    <tr><td><kbd>↑</kbd> <kbd>↓</kbd></td><td>in a list: the one before, the next</td></tr>
    <tr><td><kbd>j</kbd> <kbd>k</kbd></td><td>the next workflow, the one before</td></tr>
    <tr><td><kbd>n</kbd> <kbd>p</kbd></td><td>the next stage of the workflow, the one before</td></tr>
    <tr><td><kbd>,</kbd> <kbd>.</kbd></td><td>one record back, one on</td></tr>
    <tr><td><kbd>[</kbd> <kbd>]</kbd></td><td>to the placement before, to the next</td></tr>
    <tr><td><kbd>space</kbd> <kbd>f</kbd></td><td>play or stop; stay at the latest</td></tr>
    <tr><td><kbd>/</kbd> <kbd>e</kbd> <kbd>Esc</kbd></td><td>filter; exports; let go of what is chosen</td></tr>
  </table>
  <h2>Words</h2>
  <p class="quiet"><b>Risk</b>: a workflow is late when its deadline has passed, at risk when it would miss it even if it waited for nothing
    from now on, tight when more than four fifths of its time would be used up. <b>× alone</b>: its time over what it would take alone on
    the idle cluster. <b>Warm</b>: shares that found their model loaded. <b>Not recomputed</b>: prompt tokens found in a prefix cache.</p>
  <form method="dialog" class="tools"><button>Close</button></form>
</dialog>
`.trim();

function snippet(title: string, text: string, open = false): string {
  return `<details${open ? " open" : ""}><summary>${title}</summary>${command(text)}</details>`;
}

/** Text of our own, without anything to escape but quotes and ampersands, which need none here. */
function command(text: string): string {
  return `<div class="command"><pre data-origin tabindex="0">${text}</pre><button type="button" data-copy>Copy</button></div>`;
}
