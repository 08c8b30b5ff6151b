/** One workflow: its graph with the critical path, and what each of its stages waited for. */

import { showClock, showDuration } from "../draw/axis.ts";
import { lastParent } from "../scene/outlook.ts";
import type { Scene } from "../scene/scene.ts";
import { statusAt, type StageStory, type WorkflowStory } from "../scene/stories.ts";
import { toPieces, type Piece } from "../scene/waits.ts";
import type { App } from "./app.ts";
import { currentPalette } from "./chart.ts";
import { cells, find, make, onPress, table } from "./dom.ts";
import { mostDrawn, renderGraph, showChosen } from "./graph-view.ts";
import { showRisk } from "./words.ts";

/** So many rows are made at most. */
const mostRows = 600;

export function createWorkflowPanel(app: App): () => void {
  const host = find("flow");
  const title = find("flow-title");
  let shown = "";
  let shownId = "";
  onPress(host, "[data-stage]", ({ dataset }) => app.choose(app.workflow, dataset["stage"]));
  return () => {
    const { scene, workflowStory: workflow } = app;
    const stages =
      workflow === undefined ? [] : [...workflow.stages.values()].filter(({ revealUs }) => revealUs <= app.atUs);
    const state = [
      workflow?.id,
      app.stage,
      app.follow ? app.sequence : app.atUs,
      stages.length,
      currentPalette().ground,
    ].join("\n");
    if (scene === undefined || workflow === undefined) {
      if (shown !== "")
        host.replaceChildren(make("p", { class: "inside quiet", text: "Choose a workflow, or a bar above." }));
      title.textContent = "Workflow";
      shown = "";
      return;
    }
    if (state === shown) return;
    shown = state;
    title.textContent = `Workflow ${workflow.id}`;
    const before = workflow.id === shownId ? host.querySelector(".graph") : null;
    const kept = before === null ? undefined : { host: host.scrollTop, top: before.scrollTop, left: before.scrollLeft };
    shownId = workflow.id;
    const focused = document.activeElement?.getAttribute("data-stage");
    host.replaceChildren(render(app, scene, workflow, stages));
    host.scrollTop = kept?.host ?? 0;
    const graph = host.querySelector(".graph");
    if (graph !== null) {
      graph.scrollTo(kept ?? { top: (graph.scrollHeight - graph.clientHeight) / 2, left: 0 });
      showChosen(graph, app.stage);
    }
    if (focused !== null && focused !== undefined)
      [...host.querySelectorAll<HTMLElement | SVGElement>("[data-stage]")]
        .find((element) => element.dataset["stage"] === focused)
        ?.focus({ preventScroll: true });
  };
}

function render(app: App, scene: Scene, workflow: WorkflowStory, stages: readonly StageStory[]): HTMLElement {
  const { atUs } = app;
  const { arrive } = workflow;
  const outlook = scene.outlooks.of(workflow, atUs);
  const path = scene.outlooks.criticalPath(workflow, atUs);
  const critical = new Set(path);
  const pieces = new Map(
    stages.map((story) => [story.stage.key, toPieces(story, atUs, scene.lanes, lastParent(story)?.stage.id)]),
  );
  const facts: [string, string][] = [
    ["arrived", showClock(arrive.atUs - (app.run?.live === true ? 0 : scene.firstUs))],
    ["took", `${showDuration(Math.min(workflow.endUs, atUs) - arrive.atUs)}${workflow.endUs > atUs ? " so far" : ""}`],
    ["alone", outlook.stretch > 0 ? `${outlook.stretch.toFixed(2)} ×` : "–"],
    [
      "deadline",
      outlook.deadlineUs === undefined ? "none" : showRisk(outlook.risk, outlook.deadlineUs, outlook.endUs, atUs),
    ],
    ...(arrive.class === undefined ? [] : [["class", arrive.class] as [string, string]]),
    ...(arrive.tenant === undefined ? [] : [["tenant", arrive.tenant] as [string, string]]),
    ["reveal", arrive.reveal],
  ];
  return make(
    "div",
    { class: "inside" },
    make(
      "p",
      { class: "facts" },
      ...facts.map(([name, value]) => make("span", {}, `${name} `, make("b", { text: value }))),
    ),
    make("p", {}, make("b", { text: "Critical path: " }), describePath(path, workflow, pieces)),
    ...(stages.length <= mostDrawn ? [renderGraph(app, stages, pieces, critical)] : []),
    table(
      stages.length <= mostRows ? "Stages, in order of reveal" : `Stages, the first ${mostRows} of ${stages.length}`,
      ["stage", "on", "from reveal to end", { number: "took" }],
      stages
        .slice(0, mostRows)
        .map((story) => renderStage(app, story, pieces.get(story.stage.key) ?? [], critical.has(story.stage.key))),
    ),
  );
}

const pathWords: Readonly<Record<string, string>> = { placement: "waiting for placements", queue: "in queues" };

/** The names along it, and what its time went into, most first. */
function describePath(
  path: readonly string[],
  workflow: WorkflowStory,
  pieces: ReadonlyMap<string, readonly Piece[]>,
): string {
  const sums = new Map<string, number>();
  for (const key of path)
    for (const { what, fromUs, toUs } of pieces.get(key) ?? [])
      if (what !== "parents") sums.set(what, (sums.get(what) ?? 0) + toUs - fromUs);
  const ids = path.map((key) => workflow.stages.get(key)?.stage.id ?? key);
  const names =
    ids.length <= 6
      ? ids.join(" → ")
      : `${ids.slice(0, 3).join(" → ")} → … → ${ids.slice(-2).join(" → ")} (${ids.length} stages)`;
  const parts = [...sums]
    .sort((left, right) => right[1] - left[1])
    .map(([what, us]) => `${showDuration(us)} ${pathWords[what] ?? what}`);
  return parts.length === 0 ? names : `${names}: ${parts.join(", ")}.`;
}

function renderStage(app: App, story: StageStory, pieces: readonly Piece[], critical: boolean): HTMLTableRowElement {
  const { stage } = story;
  const own = pieces.filter(({ what }) => what !== "parents");
  const totalUs = own.reduce((sum, { fromUs, toUs }) => sum + toUs - fromUs, 0);
  const strip = make("div", { class: "strip", title: describe(pieces) });
  for (const { what, fromUs, toUs } of own) {
    const part = make("i", { class: what });
    part.style.flex = `${toUs - fromUs} 0 0`;
    strip.append(part);
  }
  const status = statusAt(story, app.atUs);
  const state = status === "over" ? (story.outcome === "ended" ? "" : story.outcome) : status;
  const engines = [...new Set(story.shares.map(({ engine }) => engine))];
  const where = stage.kind === "tool" ? "tool" : engines.length > 2 ? `${engines.length} engines` : engines.join(", ");
  return make(
    "tr",
    { tabindex: "0", "data-stage": stage.key, "aria-selected": String(stage.key === app.stage) },
    ...cells(
      make(
        "span",
        {},
        critical ? make("b", { text: stage.id }) : stage.id,
        ...(state === "" ? [] : [make("span", { class: "quiet", text: ` ${state}` })]),
      ),
      make("span", { class: "where", text: where }),
      make("div", {}, strip, make("span", { class: "quiet", text: describe(pieces) })),
      { number: totalUs > 0 ? showDuration(totalUs) : "" },
    ),
  );
}

/** What was waited for, in words. */
export function describe(pieces: readonly Piece[]): string {
  const words: Record<Piece["what"], (of: string) => string> = {
    parents: (of) => (of === "" ? "for parents" : `for ${of}`),
    placement: () => "for a placement",
    queue: (of) => `queue of ${of}`,
    load: (of) => `load of ${of}`,
    transfer: () => "transfer",
    prefill: () => "prefill",
    decode: () => "decode",
    merge: () => "merge",
    tool: () => "tool",
  };
  return pieces
    .map(({ what, fromUs, toUs, of = "" }) => `${showDuration(toUs - fromUs)} ${words[what](of)}`)
    .join(", ");
}
