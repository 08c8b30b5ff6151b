/** The counters that matter to whoever runs the engines, as of the time that is looked at. */

import type { App } from "./app.ts";
import { find, make } from "./dom.ts";
import { showCount, showShare } from "./words.ts";

export function createCounters(app: App): () => void {
  const host = find("counters");
  const values = new Map<string, { readonly value: Text; readonly more: HTMLElement }>();
  const set = (name: string, value: string, more: string, title: string): void => {
    let known = values.get(name);
    if (known === undefined) {
      known = { value: document.createTextNode(""), more: make("small") };
      values.set(name, known);
      host.append(make("div", { title }, make("dt", { text: name }), make("dd", {}, known.value, " ", known.more)));
    }
    if (known.value.data !== value) known.value.data = value;
    if (known.more.textContent !== more) known.more.textContent = more;
  };
  return () => {
    const { scene } = app;
    if (scene === undefined) return;
    const {
      arrived,
      ended,
      abandoned,
      warm,
      started,
      swaps,
      loads,
      promptTokens,
      cachedTokens,
      recomputedTokens,
      lostAttempts,
      placed,
    } = scene.figures.at(app.atUs);
    const open = arrived - ended - abandoned;
    set("Workflows open", showCount(open), `of ${showCount(arrived)}`, "Workflows that have arrived and are not over");
    set(
      "Stages placed",
      showCount(placed),
      lostAttempts === 0 ? "" : `${showCount(lostAttempts)} lost`,
      "Placements, each attempt counted",
    );
    set(
      "Warm",
      showShare(warm, started),
      `${showCount(warm)} of ${showCount(started)}`,
      "Shares that found their model loaded where they were placed",
    );
    set(
      "Loads",
      showCount(loads),
      swaps === 1 ? "1 swap" : `${showCount(swaps)} swaps`,
      "Models loaded; a swap is a load of a model that the engine had held before",
    );
    set(
      "Not recomputed",
      showCount(cachedTokens),
      `tokens, ${showShare(cachedTokens, promptTokens)}`,
      "Prompt tokens found in a prefix cache",
    );
    set(
      "Recomputed",
      showCount(recomputedTokens),
      "tokens",
      "Prompt tokens computed although the cluster had computed them before",
    );
  };
}
