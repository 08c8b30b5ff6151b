/** What stands on the first page before anything is known. The script puts this gateway's address in place of the usual one. */

const usual = "http://127.0.0.1:7373";

export const pageMarkup = `
<header>
  <h1><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M2 6c7 0 6 12 20 12M2 12h20M2 18C9 18 8 6 22 6"/></svg>Fate</h1>
  <p id="summary" role="status">One address for all your engines. Calls of one workflow are planned together.</p>
</header>
<main>
  <section aria-labelledby="connect">
    <h2 id="connect">Point a client here</h2>
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
  </section>
  <section aria-labelledby="engines-title">
    <h2 id="engines-title">Engines</h2>
    <form id="gate" hidden>
      <label for="key">A key of this gateway shows its engines.</label>
      <span><input id="key" type="password" autocomplete="off" required><button>Show</button></span>
    </form>
    <ul id="engines" class="engines"></ul>
    <noscript><p>Without JavaScript, <a href="/fate/status">/fate/status</a> says what the engines do.</p></noscript>
  </section>
  <section aria-labelledby="demo">
    <h2 id="demo">See it at work</h2>
    <p>A mixed load of agents, through one gateway that deals calls out in turn and one that plans, side by side in the
      terminal, in half a minute and without a GPU:</p>
    ${command("npm run demo")}
  </section>
</main>
<footer>
  <a href="/v1/models">models</a> <a href="/fate/status">status</a> <a href="/metrics">metrics</a>
</footer>
`.trim();

function snippet(title: string, text: string, open = false): string {
  return `<details${open ? " open" : ""}><summary>${title}</summary>${command(text)}</details>`;
}

/** Text of our own, without anything to escape but quotes and ampersands, which need none here. */
function command(text: string): string {
  return `<div class="command"><pre data-origin tabindex="0">${text}</pre><button type="button" data-copy>Copy</button></div>`;
}
