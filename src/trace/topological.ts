/** Parents before children, else in the given order: an order that already holds stays as it is. */

export type TopologicalOrder =
  | { readonly kind: "ordered"; readonly order: readonly number[] }
  /** Each is a parent of the one before it, and the first of the last. */
  | { readonly kind: "cycle"; readonly cycle: readonly number[] };

/** O(nodes + edges), without recursion. `parentsOf` holds positions. */
export function orderTopologically(parentsOf: readonly (readonly number[])[]): TopologicalOrder {
  const state = new Uint8Array(parentsOf.length); // 0 untouched, 1 on the path, 2 placed
  const order: number[] = [];
  const path: { node: number; next: number }[] = [];
  for (let root = 0; root < parentsOf.length; root++) {
    if (state[root] !== 0) continue;
    path.push({ node: root, next: 0 });
    state[root] = 1;
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const parent = parentsOf[top.node]?.[top.next++];
      if (parent === undefined) {
        state[top.node] = 2;
        order.push(top.node);
        path.pop();
      } else if (state[parent] === 1) {
        const start = path.findIndex((step) => step.node === parent);
        return { kind: "cycle", cycle: path.slice(start).map((step) => step.node) };
      } else if (state[parent] === 0) {
        state[parent] = 1;
        path.push({ node: parent, next: 0 });
      }
    }
  }
  return { kind: "ordered", order };
}

/** A cycle in the direction in which work would flow, for a message: `a -> b -> a`. */
export function showCycle(cycle: readonly number[], nameOf: (node: number) => string): string {
  const names = cycle.toReversed().map(nameOf);
  const shown = names.length > 12 ? [...names.slice(0, 11), `(${names.length - 11} more)`] : names;
  return [...shown, names[0] ?? ""].join(" -> ");
}
