/** What each key does; the page's own help names them all. */

import type { App, View } from "./app.ts";
import type { Chart } from "./chart.ts";
import { find } from "./dom.ts";
import type { TimeBar } from "./time-bar.ts";
import type { WorkflowList } from "./workflow-list.ts";

export type Hands = {
  readonly app: App;
  readonly chart: Chart;
  readonly time: TimeBar;
  readonly list: WorkflowList;
  readonly toggleExports: () => void;
  readonly zoom: (how: string) => void;
};

const views: Readonly<Record<string, View>> = { "1": "run", "2": "engines", "3": "compare", "4": "connect" };

export function listenToKeys(hands: Hands): void {
  const acts = toActs(hands);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { target } = event;
    const writing = target instanceof HTMLInputElement && target.type !== "range";
    if (writing && event.key !== "Escape") return;
    if (find("keys", HTMLDialogElement).open) return;
    const held = target instanceof HTMLElement && target.closest("button, select, summary, a") !== null;
    if (held && (event.key === " " || event.key === "Enter")) return;
    const listed = target instanceof HTMLElement && (target.id === "scrub" || target.tagName === "SELECT");
    if (listed && event.key.startsWith("Arrow")) return;
    const act = acts[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  });
}

function toActs({ app, chart, time, list, toggleExports, zoom }: Hands): Readonly<Record<string, () => void>> {
  const acts: Record<string, () => void> = {
    "?": () => find("keys", HTMLDialogElement).showModal(),
    "/": () => find(app.view === "engines" ? "engine-filter" : "filter").focus(),
    e: toggleExports,
    f: () => find("follow").click(),
    " ": time.play,
    ",": () => time.step("-1"),
    ".": () => time.step("1"),
    "[": () => time.step("place-before"),
    "]": () => time.step("place"),
    Home: () => time.step("first"),
    End: () => time.step("last"),
    ArrowLeft: () => chart.pan(-0.15),
    ArrowRight: () => chart.pan(0.15),
    "+": () => zoom("in"),
    "=": () => zoom("in"),
    "-": () => zoom("out"),
    "0": () => zoom("all"),
    j: () => list.move(1),
    k: () => list.move(-1),
    n: () => moveStage(app, 1),
    p: () => moveStage(app, -1),
    Escape: () => {
      if (document.activeElement instanceof HTMLInputElement) document.activeElement.blur();
      else app.choose(undefined);
    },
  };
  for (const [key, view] of Object.entries(views))
    acts[key] = () => {
      if (view !== "compare" || app.runs.length > 1) app.show(view);
    };
  return acts;
}

function moveStage(app: App, step: number): void {
  const keys = [...(app.workflowStory?.stages.values() ?? [])]
    .filter(({ revealUs }) => revealUs <= app.atUs)
    .map(({ stage }) => stage.key);
  if (keys.length === 0) return;
  const at = app.stage === undefined ? (step > 0 ? -1 : keys.length) : keys.indexOf(app.stage);
  app.choose(app.workflow, keys[Math.max(0, Math.min(keys.length - 1, at + step))]);
}
