/** The page: puts its parts together, and sees to it that journals come. */

import type { Known } from "../known.ts";
import { App, type Run, type View } from "./app.ts";
import { createMainChart } from "./chart.ts";
import { createCompareView } from "./compare-view.ts";
import { createConnectView } from "./connect-view.ts";
import { createCounters } from "./counters.ts";
import { all, find } from "./dom.ts";
import { createEnginesView } from "./engines-view.ts";
import { createExports } from "./exports.ts";
import { listenToKeys } from "./keyboard.ts";
import { Reading } from "./reading.ts";
import { createTimeBar } from "./time-bar.ts";
import { createWhatIfPanel } from "./what-if-panel.ts";
import { createWhyPanel } from "./why-panel.ts";
import { createWorkflowList } from "./workflow-list.ts";
import { createWorkflowPanel } from "./workflow-panel.ts";

/** A live run begins with a window of this length. */
const leastSpanUs = 5e6;

const app = new App(JSON.parse(find("known").textContent) as Known);
const chart = createMainChart(app);
const time = createTimeBar(app);
const list = createWorkflowList(app);
const paintCounters = createCounters(app);
const paintWhatIf = createWhatIfPanel(app);
const paintFlow = createWorkflowPanel(app);
const paintWhy = createWhyPanel(app);
const paintEngines = createEnginesView(app);
const compare = createCompareView(app);
const paintConnect = createConnectView(app);
const toggleExports = createExports(app, () =>
  app.view === "compare" ? compare.charts() : [{ title: "Engines over time", chart }],
);
const reading = new Reading(app);

app.onPaint((slow) => {
  moveWindow();
  for (const view of ["run", "engines", "compare", "connect"] as const) find(view).hidden = app.view !== view;
  document.body.classList.toggle("fits", app.view === "run");
  find("live").hidden = app.known.kind !== "gateway" || app.run?.live !== false;
  for (const button of all("[data-view]")) {
    if (button.dataset["view"] === app.view) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
    if (button.dataset["view"] === "compare") button.hidden = app.runs.length < 2;
  }
  if (app.view === "run") {
    chart.paint();
    time.paint();
    if (slow) {
      paintCounters();
      paintWhatIf();
      list.paint();
      paintFlow();
      paintWhy();
    }
  }
  if (slow) {
    paintSummary();
    paintEngines();
    compare.paint();
    paintConnect();
  }
});

function moveWindow(): void {
  const { run } = app;
  if (run === undefined || !app.windowFollows || !app.follow) return;
  if (run.live) {
    // What has only begun fills the width too.
    app.fromUs = Math.max(run.scene.firstUs, app.endUs - app.spanUs * 0.98);
    app.toUs = app.endUs + Math.max(leastSpanUs - (app.endUs - app.fromUs), app.spanUs * 0.02, 0);
  } else showAll();
}

function showAll(): void {
  const { scene } = app;
  if (scene === undefined) return;
  const lengths = app.runs.map(({ scene: one }) => one.lastUs - one.firstUs);
  app.fromUs = Math.max(scene.firstUs, scene.lanes.cutUs);
  app.toUs = Math.max(
    app.fromUs + 1000,
    scene.firstUs + (app.view === "compare" ? Math.max(...lengths) : app.endUs - scene.firstUs),
  );
}

function zoom(how: string): void {
  if (how === "all") {
    showAll();
    if (app.run?.live === true) app.spanUs = app.toUs - app.fromUs;
    app.windowFollows = true;
    return app.changed();
  }
  if (app.run?.live !== true) app.windowFollows = false;
  chart.zoom(how === "in" ? 0.6 : 1 / 0.6);
}

function paintSummary(): void {
  const { run, lost } = app;
  document.body.classList.toggle("lost", lost !== undefined);
  const text = lost ?? (run === undefined ? "" : app.view === "compare" ? describePair() : describeRun(run));
  const summary = find("summary");
  if (text !== "" && summary.textContent !== text) summary.textContent = text;
}

function describePair(): string {
  return app.runs
    .map(({ name, scene: { header } }) => `${name}: ${header.policy} on ${header.cluster.id}, seed ${header.seed}`)
    .join(" · ");
}

function describeRun({ name, scene, live, loading }: Run): string {
  const engines = [...scene.tape.head.state.cluster];
  const up = engines.filter((engine) => engine.up).length;
  const waiting = scene.tape.head.state.workflows.ready.length;
  const where = live ? "● live" : loading ? `${name}, being read` : `${name}, seed ${scene.header.seed}`;
  return [
    where,
    `policy ${scene.header.policy}`,
    `${up} of ${engines.length} engines up`,
    ...(live ? [`${waiting} stages wait for a place`] : []),
  ].join(" · ");
}

function listen(): void {
  for (const button of all("[data-view]"))
    button.addEventListener("click", () => app.show(button.dataset["view"] as View));
  for (const button of all("[data-zoom]")) button.addEventListener("click", () => zoom(button.dataset["zoom"] ?? ""));
  const file = find("file", HTMLInputElement);
  find("open").addEventListener("click", () => file.click());
  file.addEventListener("change", () => {
    if (file.files !== null && file.files.length > 0) reading.files(file.files);
    file.value = "";
  });
  find("live").addEventListener("click", () => reading.live());
  find("help").addEventListener("click", () => find("keys", HTMLDialogElement).showModal());
  find("gate", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    const key = find("key", HTMLInputElement);
    app.key = key.value;
    key.value = "";
    find("gate").hidden = true;
    reading.live();
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) document.body.classList.remove("dropping");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    const files = event.dataTransfer?.files;
    if (files !== undefined && files.length > 0) reading.files(files);
  });
  addEventListener("resize", () => app.changed());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => app.changed());
  listenToTheme();
  listenToKeys({ app, chart, time, list, toggleExports, zoom });
}

/** As the system has it, day, night. */
function listenToTheme(): void {
  const button = find("theme");
  const root = document.documentElement;
  const next = { system: "day", day: "night", night: "system" } as const;
  let theme: keyof typeof next = "system";
  button.addEventListener("click", () => {
    theme = next[theme];
    button.textContent = `Theme: ${theme}`;
    if (theme === "system") delete root.dataset["theme"];
    else root.dataset["theme"] = theme;
    root.style.colorScheme = { system: "", day: "light", night: "dark" }[theme];
    app.changed();
  });
}

/** A live run moves on though nothing happens. */
function keepTime(): void {
  setInterval(() => {
    if (app.run?.live === true && document.visibilityState === "visible" && (app.follow || app.playing)) app.ask();
  }, 100);
}

function begin(): void {
  listen();
  keepTime();
  const { known } = app;
  if (known.kind === "viewer") {
    find("connect").hidden = true;
    for (const button of all('[data-view="connect"]')) button.hidden = true;
    if (known.files.length > 0) reading.served(known.files);
    else find("summary").textContent = "Drop a journal here, or two to compare them.";
  } else if (known.open) reading.live();
  else {
    find("gate").hidden = false;
    find("summary").textContent = "This gateway asks for a key.";
  }
  app.changed();
}

begin();
