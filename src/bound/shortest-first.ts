/** One machine that always works at the job with the least left: no schedule of such jobs has a smaller sum of completion times. */

export type Job = {
  readonly releaseUs: number;
  readonly workUs: number;
  /** From the end of its work to its completion. */
  readonly tailUs: number;
};

export type ShortestFirst = {
  readonly sumUs: number;
  /** By job, how many were there on average while the machine worked at it, itself included: about what a microsecond more would cost. */
  readonly waiting: Float64Array;
};

/** Of equal jobs the first goes first. Time: jobs squared at worst, jobs times those that wait in general. */
export function shortestFirst(jobs: readonly Job[]): ShortestFirst {
  const order = [...jobs.keys()].sort(
    (left, right) => (jobs[left]?.releaseUs ?? 0) - (jobs[right]?.releaseUs ?? 0) || left - right,
  );
  const leftUs = Float64Array.from(jobs, ({ workUs }) => workUs);
  const waiting = new Float64Array(jobs.length);
  const open: number[] = [];
  let nowUs = 0;
  let next = 0;
  let sumUs = 0;
  while (next < order.length || open.length > 0) {
    const nextUs = jobs[order[next] ?? -1]?.releaseUs ?? Infinity;
    if (open.length === 0) nowUs = Math.max(nowUs, nextUs);
    if (nextUs <= nowUs) {
      open.push(order[next++] ?? 0);
      continue;
    }
    let least = 0;
    for (const [at, job] of open.entries()) {
      const ahead = open[least] ?? 0;
      if ((leftUs[job] ?? 0) < (leftUs[ahead] ?? 0) || (leftUs[job] === leftUs[ahead] && job < ahead)) least = at;
    }
    const job = open[least] ?? 0;
    const { workUs, tailUs } = jobs[job] as Job;
    const ends = nowUs + (leftUs[job] ?? 0) <= nextUs;
    const ranUs = ends ? (leftUs[job] ?? 0) : nextUs - nowUs;
    nowUs = ends ? nowUs + ranUs : nextUs;
    if (workUs > 0) waiting[job] = (waiting[job] ?? 0) + (ranUs / workUs) * open.length;
    if (ends) {
      sumUs += nowUs + tailUs;
      open.splice(least, 1);
    } else leftUs[job] = (leftUs[job] ?? 0) - ranUs;
  }
  return { sumUs, waiting };
}
