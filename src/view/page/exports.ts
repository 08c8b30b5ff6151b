/** Files to take away: a trace for Perfetto, what is seen as SVG, tables. */

import { stack } from "../draw/stack.ts";
import { drawTimeline } from "../draw/timeline.ts";
import { toSvg } from "../draw/to-svg.ts";
import { spansToCsv, stagesToCsv, workflowsToCsv } from "../export/to-csv.ts";
import { toPerfetto } from "../export/to-perfetto.ts";
import type { App } from "./app.ts";
import { currentPalette, type Chart } from "./chart.ts";
import { all, find, make } from "./dom.ts";

/** What is drawn, and its title. */
export type Seen = () => readonly { readonly title: string; readonly chart: Chart }[];

export function createExports(app: App, seen: Seen): () => void {
  const button = find("export");
  const menu = find("exports");
  const toggle = (open: boolean): void => {
    menu.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    if (open) menu.querySelector("button")?.focus();
  };
  button.addEventListener("click", () => toggle(menu.hidden !== false));
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    toggle(false);
    button.focus();
  });
  document.addEventListener("pointerdown", (event) => {
    if (event.target instanceof Node && !menu.parentElement?.contains(event.target)) toggle(false);
  });
  for (const item of all("[data-export]"))
    item.addEventListener("click", () => {
      toggle(false);
      save(app, seen, item.dataset["export"] ?? "");
    });
  return () => toggle(menu.hidden !== false);
}

function save(app: App, seen: Seen, what: string): void {
  const { scene } = app;
  if (scene === undefined) return;
  const name = `fate-${scene.header.policy}`.replaceAll(/[^\w.-]+/g, "-");
  switch (what) {
    case "perfetto":
      return download(`${name}.trace.json`, "application/json", toPerfetto(scene));
    case "workflows":
      return download(`${name}-workflows.csv`, "text/csv", workflowsToCsv(scene));
    case "stages":
      return download(`${name}-stages.csv`, "text/csv", stagesToCsv(scene));
    case "spans":
      return download(`${name}-spans.csv`, "text/csv", spansToCsv(scene));
    case "svg": {
      const parts = seen().flatMap(({ title, chart: { view, engines } }) =>
        view === undefined
          ? []
          : [{ title, shapes: drawTimeline(engines, view), height: view.height, width: view.width }],
      );
      const { shapes, height } = stack(parts);
      const picture = {
        width: Math.max(0, ...parts.map(({ width }) => width)),
        height,
        title: `Policy ${scene.header.policy}`,
      };
      return download(`${name}.svg`, "image/svg+xml", toSvg(shapes, picture, currentPalette()));
    }
  }
}

function download(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = make("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
