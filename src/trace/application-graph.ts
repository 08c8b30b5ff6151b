/**
 * Graphs of LLM applications, as their editors save them, to graphs of tasks. In steps:
 * 1. notes go, and so do edges to nodes that are not there;
 * 2. the body of an iteration is repeated three times side by side, that of a loop three times in a row: how often it runs
 *    is known at run time alone;
 * 3. edges that lead back are cut (`cut-back-edges.ts`);
 * 4. nodes that only steer, such as starts, ends and conditions, go, and their edges are joined.
 * All branches of a condition stay: the graph is what may run, not what one run took.
 */

import { cutBackEdges } from "./application/cut-back-edges.ts";
import type { ApplicationGraph, ApplicationNode } from "./application/graph.ts";
import { repeatBodies } from "./application/repeat-bodies.ts";
import type { Task, TaskGraph, TaskParent } from "./task-graph.ts";
import { orderTopologically } from "./topological.ts";

/** Assumed for every edge: some pages of text. */
const edgeBytes = 16_384;

/** Undefined if no node calls a language model. */
export function toTaskGraph(graph: ApplicationGraph): TaskGraph | undefined {
  const { nodes, edges } = repeatBodies(withoutNotes(graph));
  if (!nodes.some((node) => node.role.kind === "llm")) return undefined;
  const position = new Map(nodes.map((node, index) => [node.id, index]));
  const forward = cutBackEdges(
    nodes.length,
    edges.map(({ from, to }) => [position.get(from) ?? -1, position.get(to) ?? -1] as const),
  );
  const parentsOf = nodes.map((): number[] => []);
  for (const [from, to] of forward) if (parentsOf[to]?.includes(from) === false) parentsOf[to].push(from);
  const outcome = orderTopologically(parentsOf);
  if (outcome.kind === "cycle") throw new Error(`${graph.name}: a cycle is left after edges that lead back were cut`);
  return { name: graph.name, family: graph.family, tasks: joinTasks(graph, nodes, parentsOf, outcome.order) };
}

function withoutNotes(graph: ApplicationGraph): ApplicationGraph {
  const byId = new Map(graph.nodes.filter(({ role }) => role.kind !== "note").map((node) => [node.id, node]));
  const edges = graph.edges.filter(({ from, to }) => from !== to && byId.has(from) && byId.has(to));
  return { ...graph, nodes: [...byId.values()], edges };
}

/** The tasks among the nodes, below the nearest tasks above them. */
function joinTasks(
  graph: ApplicationGraph,
  nodes: readonly ApplicationNode[],
  parentsOf: readonly (readonly number[])[],
  order: readonly number[],
): readonly Task[] {
  const tasks: Task[] = [];
  /** Per node: the tasks that one below it waits for. */
  const sources = new Map<number, readonly number[]>();
  for (const index of order) {
    const node = nodes[index];
    if (node === undefined) continue;
    const above = [...new Set((parentsOf[index] ?? []).flatMap((parent) => sources.get(parent) ?? []))];
    if (node.role.kind === "pass" || node.role.kind === "container" || node.role.kind === "note") {
      sources.set(index, above);
      continue;
    }
    sources.set(index, [tasks.length]);
    tasks.push(toTask(graph, node, above));
  }
  return tasks;
}

/** Nodes of one application with one model share that model's system prompt; tools of one type are alike anywhere. */
function toTask(graph: ApplicationGraph, node: ApplicationNode, above: readonly number[]): Task {
  const parents = above.map((task): TaskParent => ({ task, bytes: edgeBytes }));
  const name = node.title === "" ? node.id : node.title;
  if (node.role.kind === "tool")
    return { name, category: node.type, kind: "tool", parents, runtimeSeconds: node.role.seconds };
  const kind = node.role.kind === "embed" ? "embed" : "llm";
  const category = `${graph.family}:${graph.name}:${node.model ?? node.type}`;
  const { promptTokens } = node;
  return { name, category, kind, parents, ...(promptTokens === undefined ? {} : { promptTokens }) };
}
