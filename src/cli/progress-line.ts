/** A progress line with the time that is left, if things go on as they went. */

import { renderBar } from "../experiment/table.ts";
import type { Terminal } from "./terminal.ts";

/** Before that much is done, an estimate would only be noise. */
const leastShare = 0.03;

/** Returns what to call with the share done and a few words. */
export function createProgress(terminal: Terminal): (share: number, words: string) => void {
  const startMs = terminal.nowMs();
  return (share, words) => {
    const elapsedMs = terminal.nowMs() - startMs;
    const leftSeconds = ((elapsedMs / share) * (1 - share)) / 1000;
    const left = share < leastShare ? "" : `, ${showSeconds(leftSeconds)} left`;
    const bar = renderBar(share, 20).padEnd(20, "·");
    terminal.progress(`${bar} ${(share * 100).toFixed(0).padStart(3)}%  ${words}${left}`);
  };
}

function showSeconds(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
