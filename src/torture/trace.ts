/** What happened in a world, line by line: its hash, by which two runs are told apart, and the lines themselves if somebody wants them. */

import { createHash } from "node:crypto";

export type Trace = {
  readonly add: (nowUs: number, who: string, what: string) => void;
  readonly hash: () => string;
  readonly lines: () => number;
};

export function createTrace(tell?: (line: string) => void): Trace {
  const hash = createHash("sha256");
  let lines = 0;
  return {
    add: (nowUs, who, what) => {
      const line = `${(nowUs / 1e6).toFixed(6).padStart(12)} ${who.padEnd(8)} ${what}\n`;
      hash.update(line);
      lines += 1;
      tell?.(line);
    },
    hash: () => hash.copy().digest("hex").slice(0, 16),
    lines: () => lines,
  };
}
