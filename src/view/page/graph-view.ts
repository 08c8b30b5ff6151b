/** The graph of a workflow as elements, so that each stage can be reached by keys and read out. */

import { drawGraph, drawNode, layOut, type GraphNode } from "../draw/graph.ts";
import type { Palette } from "../draw/palette.ts";
import type { Ink, Shape } from "../draw/shape.ts";
import { statusAt, type StageStory } from "../scene/stories.ts";
import type { Piece } from "../scene/waits.ts";
import type { App } from "./app.ts";
import { currentPalette } from "./chart.ts";
import { make } from "./dom.ts";

/** A graph of more stages is not drawn: nobody could read it. The table has them all. */
export const mostDrawn = 400;

export function renderGraph(
  app: App,
  stages: readonly StageStory[],
  pieces: ReadonlyMap<string, readonly Piece[]>,
  critical: ReadonlySet<string>,
): HTMLElement {
  const nodes = stages.map((story) => toNode(story, app.atUs, pieces.get(story.stage.key) ?? [], critical));
  const graph = layOut(nodes);
  const palette = currentPalette();
  const svg = svgElement("svg", {
    width: String(graph.width),
    height: String(graph.height),
    role: "group",
    "aria-label": "Graph of the workflow",
  });
  const edges = drawGraph(nodes, graph).filter(({ kind }) => kind === "path");
  for (const shape of edges) svg.append(toElement(shape, palette));
  for (const node of nodes) {
    const group = svgElement("g", {
      tabindex: "0",
      role: "button",
      "data-stage": node.key,
      "aria-label": `${node.id}, ${node.what}, ${node.status}`,
    });
    for (const shape of drawNode(node, graph, node.key === app.stage)) group.append(toElement(shape, palette));
    svg.append(group);
  }
  return make("div", { class: "graph" }, svg);
}

/** How a stage is drawn in a graph. */
function toNode(story: StageStory, atUs: number, pieces: readonly Piece[], critical: ReadonlySet<string>): GraphNode {
  const { stage } = story;
  const status = statusAt(story, atUs);
  return {
    key: stage.key,
    id: stage.id,
    parents: stage.parents.map(({ stage: key }) => key),
    what: stage.kind === "tool" ? "tool" : stage.model,
    status:
      status === "over"
        ? story.outcome === "ended" || story.outcome === "open"
          ? "over"
          : story.outcome
        : status === "unseen"
          ? "waiting"
          : status,
    times: pieces
      .filter(({ what }) => what !== "parents")
      .map(({ what, fromUs, toUs }) => ({ ink: inkOf(what), us: toUs - fromUs })),
    totalUs: pieces.filter(({ what }) => what !== "parents").reduce((sum, { fromUs, toUs }) => sum + toUs - fromUs, 0),
    critical: critical.has(stage.key),
  };
}

function inkOf(what: Piece["what"]): Ink {
  if (what === "load" || what === "transfer" || what === "prefill" || what === "decode") return what;
  return what === "tool" || what === "merge" ? "quiet" : "hold";
}

/** Scrolls the graph, and nothing else, until the stage is in it. */
export function showChosen(graph: Element, stage: string | undefined): void {
  const node = [...graph.querySelectorAll<SVGElement>("[data-stage]")].find(
    ({ dataset }) => dataset["stage"] === stage,
  );
  if (node === undefined) return;
  const [inner, outer] = [node.getBoundingClientRect(), graph.getBoundingClientRect()];
  graph.scrollLeft += Math.max(0, inner.right - outer.right + 12) + Math.min(0, inner.left - outer.left - 12);
  graph.scrollTop += Math.max(0, inner.bottom - outer.bottom + 12) + Math.min(0, inner.top - outer.top - 12);
}

const svgSpace = "http://www.w3.org/2000/svg";

function svgElement(tag: string, attributes: Readonly<Record<string, string>>): SVGElement {
  const element = document.createElementNS(svgSpace, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function toElement(shape: Shape, palette: Palette): SVGElement {
  switch (shape.kind) {
    case "box": {
      const { x, y, width, height, fill, stroke, strokeWidth = 1, radius = 0, opacity = 1 } = shape;
      const edge: Record<string, string> =
        stroke === undefined ? {} : { stroke: palette[stroke], "stroke-width": String(strokeWidth) };
      const place = {
        x: String(x),
        y: String(y),
        width: String(width),
        height: String(height),
        rx: String(radius),
        opacity: String(opacity),
      };
      return svgElement("rect", { ...place, fill: fill === undefined ? "none" : palette[fill], ...edge });
    }
    case "path":
      return svgElement("polyline", {
        points: shape.points.join(" "),
        fill: "none",
        stroke: palette[shape.stroke],
        "stroke-width": String(shape.width ?? 1),
      });
    case "label": {
      const { x, y, text, ink, size = 11, anchor = "start", strong = false } = shape;
      const look = {
        fill: palette[ink],
        "font-size": String(size),
        "text-anchor": anchor,
        "font-weight": strong ? "600" : "400",
      };
      const element = svgElement("text", { x: String(x), y: String(y), ...look });
      element.textContent = text;
      return element;
    }
  }
}
