/** The upward rank: how long the longest path from a task to an exit of the graph takes on average (Topcuoglu 2002, equation 8). */

/** Tasks are numbered with parents before children; `children` gives each task's. Costs a visit of every task and edge. */
export function upwardRanks(
  children: readonly (readonly number[])[],
  meanCost: (task: number) => number,
  meanTransfer: (parent: number, child: number) => number,
): number[] {
  const ranks: number[] = children.map(() => 0);
  for (let task = children.length - 1; task >= 0; task--) {
    let longest = 0;
    for (const child of children[task] ?? [])
      longest = Math.max(longest, meanTransfer(task, child) + (ranks[child] ?? 0));
    ranks[task] = meanCost(task) + longest;
  }
  return ranks;
}

/** Highest rank first; of equals the one numbered first, so that parents always come before their children. */
export function byRank(ranks: readonly number[]): number[] {
  return ranks.map((_, task) => task).sort((left, right) => (ranks[right] ?? 0) - (ranks[left] ?? 0) || left - right);
}
