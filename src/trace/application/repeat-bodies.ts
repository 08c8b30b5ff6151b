/**
 * Takes containers apart. A container becomes a way in and a way out; its body is repeated between them. An edge across
 * the border of a container counts as one of the container.
 */

import type { ApplicationEdge, ApplicationGraph, ApplicationNode } from "./graph.ts";

/** Bodies run this often: assumed. */
const repeats = 3;
/** Containers deeper than this run their body once, so that nesting cannot blow a graph up. */
const deepestRepeated = 2;

export function repeatBodies(graph: ApplicationGraph): Pick<ApplicationGraph, "nodes" | "edges"> {
  const places = placeNodes(graph.nodes);
  const nodes: ApplicationNode[] = [];
  const edges: ApplicationEdge[] = [];
  const inside = groupByParent(graph, places);
  const inner = groupEdges(graph, places);

  /** Writes the nodes of one container, or of the graph, with this ending on their names. */
  const write = (container: string | undefined, suffix: string, depth: number): void => {
    for (const node of inside.get(container) ?? []) {
      if (node.role.kind !== "container") nodes.push({ ...node, id: node.id + suffix });
      else writeContainer(node, suffix, depth);
    }
    for (const { from, to } of inner.get(container) ?? [])
      edges.push({ from: wayOut(from, suffix), to: wayIn(to, suffix) });
  };
  const writeContainer = (node: ApplicationNode, suffix: string, depth: number): void => {
    const pass = { ...node, role: { kind: "pass" } } as const;
    nodes.push({ ...pass, id: wayIn(node.id, suffix) });
    const body = inside.get(node.id) ?? [];
    const { roots, leaves } = endsOf(body, inner.get(node.id) ?? []);
    const inARow = node.role.kind === "container" && node.role.repeats === "in-a-row";
    let before = [wayIn(node.id, suffix)];
    const after: string[] = [];
    for (let copy = 0; copy < (depth <= deepestRepeated && body.length > 0 ? repeats : 1); copy++) {
      const ending = copy === 0 ? suffix : `${suffix}#${copy + 1}`;
      write(node.id, ending, depth + 1);
      for (const root of roots) for (const from of before) edges.push({ from, to: wayIn(root, ending) });
      const ends = body.length === 0 ? before : leaves.map((leaf) => wayOut(leaf, ending));
      if (!inARow) after.push(...ends);
      else before = [join(pass, `${wayOut(node.id, suffix)}${copy}`, ends)];
    }
    nodes.push({ ...pass, id: wayOut(node.id, suffix) });
    for (const from of inARow ? before : after) edges.push({ from, to: wayOut(node.id, suffix) });
  };
  /** One node between many ends and many beginnings, which would else be an edge for each pair. */
  const join = (pass: ApplicationNode, id: string, ends: readonly string[]): string => {
    nodes.push({ ...pass, id });
    for (const from of ends) edges.push({ from, to: id });
    return id;
  };
  const isContainer = new Set(graph.nodes.filter(({ role }) => role.kind === "container").map(({ id }) => id));
  const wayIn = (id: string, suffix: string): string => (isContainer.has(id) ? `${id}${suffix}>` : id + suffix);
  const wayOut = (id: string, suffix: string): string => (isContainer.has(id) ? `${id}${suffix}<` : id + suffix);

  write(undefined, "", 1);
  return { nodes, edges };
}

/** The containers around each node, outermost first. A parent that is no container, or lies inside its own body, counts for nothing. */
function placeNodes(nodes: readonly ApplicationNode[]): ReadonlyMap<string, readonly string[]> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  return new Map(
    nodes.map((node) => {
      const around: string[] = [];
      const seen = new Set([node.id]);
      for (let parent = node.parent; parent !== undefined; parent = byId.get(parent)?.parent) {
        if (byId.get(parent)?.role.kind !== "container") break;
        if (seen.has(parent)) return [node.id, []];
        seen.add(parent);
        around.unshift(parent);
      }
      return [node.id, around];
    }),
  );
}

function groupByParent(
  graph: ApplicationGraph,
  places: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<string | undefined, readonly ApplicationNode[]> {
  return Map.groupBy(graph.nodes, (node) => places.get(node.id)?.at(-1));
}

/** Edges by the innermost container that holds both ends, with each end lifted to what lies directly inside it. */
function groupEdges(
  graph: ApplicationGraph,
  places: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<string | undefined, readonly ApplicationEdge[]> {
  const groups = new Map<string | undefined, ApplicationEdge[]>();
  for (const edge of graph.edges) {
    const from = [...(places.get(edge.from) ?? []), edge.from];
    const to = [...(places.get(edge.to) ?? []), edge.to];
    let common = 0;
    while (common < from.length && from[common] === to[common]) common++;
    const lifted = { from: from[common], to: to[common] };
    // From a container to its own body, or back: that is what a body is.
    if (lifted.from === undefined || lifted.to === undefined) continue;
    const container = from[common - 1];
    const group = groups.get(container) ?? [];
    group.push({ from: lifted.from, to: lifted.to });
    groups.set(container, group);
  }
  return groups;
}

/** Where a body is entered and left; all of it where edges run in a circle. */
function endsOf(
  body: readonly ApplicationNode[],
  edges: readonly ApplicationEdge[],
): { readonly roots: readonly string[]; readonly leaves: readonly string[] } {
  const entered = new Set(edges.map((edge) => edge.to));
  const left = new Set(edges.map((edge) => edge.from));
  const ids = body.map((node) => node.id);
  const roots = ids.filter((id) => !entered.has(id));
  const leaves = ids.filter((id) => !left.has(id));
  return { roots: roots.length > 0 ? roots : ids.slice(0, 1), leaves: leaves.length > 0 ? leaves : ids.slice(-1) };
}
