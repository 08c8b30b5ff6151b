/** Why a stage went where it went: its candidates side by side, term by term, and what decided. */

import { showClock, showDuration } from "../draw/axis.ts";
import { lastParent } from "../scene/outlook.ts";
import { toPieces } from "../scene/waits.ts";
import { explainPlace, totalUs, type Candidate, type Why } from "../scene/why.ts";
import type { App } from "./app.ts";
import { cells, find, make, table } from "./dom.ts";
import { showCount } from "./words.ts";
import { describe } from "./workflow-panel.ts";

/** So many candidates are shown, the best ones first; the rest on demand. */
const fewRows = 12;
const mostRows = 1000;

export function createWhyPanel(app: App): () => void {
  const host = find("why");
  const title = find("why-title");
  let shown = "";
  let whole = "";
  const paint = (): void => {
    const { scene, stageStory: story } = app;
    if (scene === undefined || story === undefined) {
      if (shown !== "")
        host.replaceChildren(
          make("p", {
            class: "inside quiet",
            text: "Choose a stage to see which engines could have taken it, and at what cost.",
          }),
        );
      title.textContent = "Why there";
      shown = "";
      return;
    }
    const placed = story.placed.filter((sequence) => sequence <= app.sequence);
    const at = placed.at(-1 - app.placement);
    const state = [story.stage.key, at, placed.length, story.endUs, whole].join("\n");
    if (state === shown) return;
    title.textContent = `Why there: ${story.stage.id}`;
    if (at !== undefined && !scene.tape.approach(at - 1)) {
      host.replaceChildren(make("p", { class: "inside quiet", text: "Going back to that moment…" }));
      return app.soon();
    }
    shown = state;
    const inside = make("div", { class: "inside" });
    const pieces = toPieces(story, app.atUs, scene.lanes, lastParent(story)?.stage.id);
    if (story.stage.kind === "tool")
      inside.append(make("p", { class: "quiet", text: "A tool uses no engine, so nothing was decided." }));
    else if (at === undefined) inside.append(make("p", { class: "quiet", text: "It has not been placed yet." }));
    else {
      const why = explainPlace(scene.tape, at);
      if (why === undefined)
        inside.append(make("p", { class: "quiet", text: "What led to this placement is not kept any more." }));
      else {
        inside.append(
          ...renderWhy(app, why, whole === story.stage.key, () => {
            whole = story.stage.key;
            app.changed();
          }),
        );
        if (placed.length > 1) inside.append(renderAttempts(app, placed.length));
      }
    }
    if (pieces.length > 0) inside.append(make("p", {}, make("b", { text: "Its time: " }), `${describe(pieces)}.`));
    host.replaceChildren(inside);
  };
  return paint;
}

function renderWhy(
  app: App,
  { place, stage, candidates, decided }: Why,
  whole: boolean,
  showAll: () => void,
): HTMLElement[] {
  const seen = whole ? candidates.slice(0, mostRows) : candidates.slice(0, fewRows);
  const could = candidates.filter(({ cost }) => cost !== undefined).length;
  const originUs = app.run?.live === true ? 0 : (app.scene?.firstUs ?? 0);
  const most = Math.max(1, ...seen.map((candidate) => totalUs(candidate)).filter((us) => us !== Infinity));
  return [
    make("p", { id: "decided", text: decided }),
    make("p", {
      class: "facts",
      text: `Placed at ${showClock(place.atUs - originUs, 1)}, ${stage.model}, ${showCount(stage.promptTokens)} tokens in, ${showCount(stage.outputTokens)} expected out${
        stage.items > 1 ? `, ${stage.items} items` : ""
      }${place.decodeEngine === undefined ? "" : `, decoded by ${place.decodeEngine}`}.`,
    }),
    table(
      `${could} of ${candidates.length} engines could have taken it; times expected when it was placed`,
      [
        "engine",
        { number: "wait" },
        { number: "load" },
        { number: "transfer" },
        { number: "prefill" },
        { number: "decode" },
        { number: "in all" },
      ],
      seen.flatMap((candidate) => renderCandidate(candidate, most)),
    ),
    ...(seen.length === candidates.length ? [] : [button(`Show all ${candidates.length}`, showAll)]),
  ];
}

function renderCandidate(candidate: Candidate, mostUs: number): HTMLTableRowElement[] {
  const { engine, chosen, ruledOut, cost, waitUs, cachedTokens, resident, queued, running } = candidate;
  const cached = cachedTokens === 0 ? "" : `${showCount(cachedTokens)} cached`;
  const beside = [
    resident ? "loaded" : "",
    cached,
    running > 0 ? `${running} running` : "",
    queued > 0 ? `${queued} queued` : "",
  ].filter((part) => part !== "");
  if (cost === undefined) {
    const reason = make("td", { colspan: "6", text: ruledOut ?? "" });
    return [make("tr", { class: "out", "data-engine": engine }, make("td", { class: "id", text: engine }), reason)];
  }
  const { loadUs, transferUs, prefillUs, decodeUs, shardUs } = cost;
  const name = make(
    "td",
    { class: "id" },
    `${chosen ? "✓ " : ""}${engine}`,
    make("div", { class: "quiet", text: beside.join(", ") }),
    strip(candidate, mostUs),
  );
  const terms = [waitUs, loadUs, transferUs, prefillUs, decodeUs + shardUs].map((us) =>
    make("td", { class: "number", "data-us": String(us), text: us === 0 ? "–" : showDuration(us) }),
  );
  const sums = cells({ number: showDuration(totalUs(candidate)) });
  return [make("tr", { class: chosen ? "chosen" : "", "data-engine": engine }, name, ...terms, ...sums)];
}

/** The terms as lengths, all candidates to one scale. */
function strip({ cost, waitUs }: Candidate, mostUs: number): HTMLElement {
  const bar = make("div", { class: "strip", "aria-hidden": "true" });
  if (cost === undefined) return bar;
  const parts: [string, number][] = [
    ["wait", waitUs],
    ["load", cost.loadUs],
    ["transfer", cost.transferUs],
    ["prefill", cost.prefillUs],
    ["decode", cost.decodeUs],
    ["shard", cost.shardUs],
  ];
  for (const [name, us] of parts) {
    const part = make("i", { class: name });
    part.style.width = `${(us / mostUs) * 100}%`;
    bar.append(part);
  }
  return bar;
}

function renderAttempts(app: App, count: number): HTMLElement {
  const text = `Placement ${count - app.placement} of ${count}`;
  const earlier = button("Earlier", () => {
    app.placement = Math.min(count - 1, app.placement + 1);
    app.changed();
  });
  const later = button("Later", () => {
    app.placement = Math.max(0, app.placement - 1);
    app.changed();
  });
  return make("div", { class: "tools" }, earlier, later, make("span", { class: "quiet", text }));
}

function button(text: string, act: () => void): HTMLButtonElement {
  const element = make("button", { type: "button", text });
  element.addEventListener("click", act);
  return element;
}
