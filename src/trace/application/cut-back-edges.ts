/**
 * Makes a graph acyclic by cutting the edges that lead back. A search goes down from each node in the order given, over
 * edges in the order given; an edge to a node that the search is below of is cut. So the same document loses the same edges,
 * and a loop drawn from its start loses the edge that closes it.
 */

export type Edge = readonly [from: number, to: number];

/** O(nodes + edges), without recursion. */
export function cutBackEdges(nodes: number, edges: readonly Edge[]): readonly Edge[] {
  const out = Array.from({ length: nodes }, (): number[] => []);
  for (const [index, [from]] of edges.entries()) out[from]?.push(index);
  const state = new Uint8Array(nodes); // 0 untouched, 1 on the path, 2 done
  const cut = new Set<number>();
  for (let root = 0; root < nodes; root++) {
    if (state[root] !== 0) continue;
    state[root] = 1;
    const path = [{ node: root, next: 0 }];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const edge = out[top.node]?.[top.next++];
      if (edge === undefined) {
        state[top.node] = 2;
        path.pop();
        continue;
      }
      const to = edges[edge]?.[1] ?? root;
      if (state[to] === 1) cut.add(edge);
      else if (state[to] === 0) {
        state[to] = 1;
        path.push({ node: to, next: 0 });
      }
    }
  }
  return edges.filter((_, index) => !cut.has(index));
}
