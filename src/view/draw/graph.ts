/** One workflow's graph from left to right, its critical path drawn stronger, each stage with how far it is and what it took. */

import type { StageKey } from "../../model/workflow.ts";
import { showDuration } from "./axis.ts";
import { fitText, type Ink, type Path, type Shape } from "./shape.ts";

export type GraphNode = {
  readonly key: StageKey;
  readonly id: string;
  readonly parents: readonly StageKey[];
  /** Its model, or `tool`. */
  readonly what: string;
  readonly status: "waiting" | "ready" | "placed" | "running" | "over" | "skipped" | "dropped";
  /** Time by phase, up to now. */
  readonly times: readonly { readonly ink: Ink; readonly us: number }[];
  /** From reveal to now or the end. */
  readonly totalUs: number;
  readonly critical: boolean;
};

export type Graph = {
  readonly width: number;
  readonly height: number;
  readonly places: ReadonlyMap<StageKey, { readonly x: number; readonly y: number }>;
};

export const nodeWidth = 132;
export const nodeHeight = 44;
const columnGap = 34;
const rowGap = 12;
const margin = 8;

/** Each stage stands right of its parents, and near their height. Costs a pass over the edges, and a sort for each column. */
export function layOut(nodes: readonly GraphNode[]): Graph {
  const depth = new Map<StageKey, number>();
  const columns: GraphNode[][] = [];
  for (const node of nodes) {
    let at = 0;
    for (const parent of node.parents) at = Math.max(at, (depth.get(parent) ?? -1) + 1);
    depth.set(node.key, at);
    (columns[at] ??= []).push(node);
  }
  const places = new Map<StageKey, { x: number; y: number }>();
  const tallest = Math.max(1, ...columns.map((column) => column.length));
  const height = 2 * margin + tallest * (nodeHeight + rowGap) - rowGap;
  for (const [at, column] of columns.entries()) {
    const wanted = new Map(column.map((node) => [node.key, meanHeight(node, places, height)]));
    const order = column.toSorted((left, right) => (wanted.get(left.key) ?? 0) - (wanted.get(right.key) ?? 0));
    const top = (height - order.length * (nodeHeight + rowGap) + rowGap) / 2;
    for (const [row, node] of order.entries())
      places.set(node.key, { x: margin + at * (nodeWidth + columnGap), y: top + row * (nodeHeight + rowGap) });
  }
  const width = 2 * margin + columns.length * (nodeWidth + columnGap) - columnGap;
  return { width: Math.max(width, nodeWidth + 2 * margin), height, places };
}

function meanHeight({ parents }: GraphNode, places: Graph["places"], height: number): number {
  let [sum, count] = [0, 0];
  for (const parent of parents) {
    const place = places.get(parent);
    if (place === undefined) continue;
    sum += place.y;
    count += 1;
  }
  return count === 0 ? height / 2 : sum / count;
}

export function drawGraph(nodes: readonly GraphNode[], graph: Graph, selected?: StageKey): Shape[] {
  const critical = new Set(nodes.filter((node) => node.critical).map(({ key }) => key));
  const edges = nodes.flatMap((node) => drawEdges(node, graph, critical));
  // Those of the critical path above the others.
  edges.sort((left, right) => (left.width ?? 1) - (right.width ?? 1));
  return [...edges, ...nodes.flatMap((node) => drawNode(node, graph, node.key === selected))];
}

function drawEdges({ key, parents }: GraphNode, { places }: Graph, critical: ReadonlySet<StageKey>): Path[] {
  const to = places.get(key);
  return parents.flatMap((parent): Path[] => {
    const from = places.get(parent);
    if (from === undefined || to === undefined) return [];
    const [x, y, endX, endY] = [from.x + nodeWidth, from.y + nodeHeight / 2, to.x, to.y + nodeHeight / 2];
    const bend = endX - columnGap / 2;
    const strong = critical.has(key) && critical.has(parent);
    return [
      {
        kind: "path",
        points: [x, y, bend, y, bend, endY, endX, endY],
        stroke: strong ? "ink" : "line",
        width: strong ? 2 : 1,
      },
    ];
  });
}

/** Shapes of one stage, in the coordinates of the graph. */
export function drawNode(node: GraphNode, { places }: Graph, selected: boolean): Shape[] {
  const { x, y } = places.get(node.key) ?? { x: 0, y: 0 };
  const gone = node.status === "skipped" || node.status === "dropped";
  const shapes: Shape[] = [
    {
      kind: "box",
      x,
      y,
      width: nodeWidth,
      height: nodeHeight,
      radius: 4,
      fill: "card",
      stroke: selected ? "accent" : node.critical ? "ink" : "line",
      strokeWidth: selected ? 2.5 : node.critical ? 1.5 : 1,
    },
    {
      kind: "label",
      x: x + 8,
      y: y + 16,
      text: fitText(node.id, nodeWidth - 20, 11.5),
      ink: gone ? "quiet" : "ink",
      size: 11.5,
      strong: true,
    },
    { kind: "label", x: x + 8, y: y + 30, text: fitText(node.what, 66, 10), ink: "quiet", size: 10 },
    {
      kind: "label",
      x: x + nodeWidth - 8,
      y: y + 30,
      text: node.status === "over" || node.status === "running" ? showDuration(node.totalUs) : node.status,
      ink: node.status === "running" ? "accent" : "quiet",
      size: 10,
      anchor: "end",
    },
  ];
  const inner = nodeWidth - 16;
  let at = x + 8;
  for (const { ink, us } of node.times) {
    const width = node.totalUs === 0 ? 0 : (us / node.totalUs) * inner;
    if (width >= 0.5) shapes.push({ kind: "box", x: at, y: y + 35, width, height: 4, fill: ink });
    at += width;
  }
  return shapes;
}
