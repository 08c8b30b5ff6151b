/** Where a command talks to: results to `out`, notes and progress to `note`, and the signal that ends it early. */

export type Terminal = {
  /** Results. Nothing else goes there, so that it can be piped. */
  readonly out: (text: string) => void;
  /** Whole lines for people. */
  readonly note: (line: string) => void;
  /** One line that replaces the last, or a plain line every few seconds where lines cannot be replaced. */
  readonly progress: (line: string) => void;
  /** Takes the progress line away. */
  readonly endProgress: () => void;
  readonly color: boolean;
  /** Width to keep to; unbounded where nobody looks. */
  readonly columns: number;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
  /** Milliseconds of a steady clock. */
  readonly nowMs: () => number;
};

type Stream = {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly write: (text: string) => unknown;
};

type Surroundings = {
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly nowMs: () => number;
};

const redrawMs = 80;
const plainLineMs = 3000;

export function createTerminal({ stdout, stderr, env, signal, nowMs }: Surroundings): Terminal {
  const live = stderr.isTTY === true && env["TERM"] !== "dumb";
  const noColor = env["NO_COLOR"] !== undefined && env["NO_COLOR"] !== "";
  let shown = false;
  let lastMs = nowMs();
  const endProgress = (): void => {
    if (shown) stderr.write("\r\u001B[2K");
    shown = false;
  };
  return {
    out: (text) => {
      endProgress();
      stdout.write(text);
    },
    note: (line) => {
      endProgress();
      stderr.write(`${line}\n`);
    },
    progress: (line) => {
      const ms = nowMs();
      if (ms - lastMs < (live ? redrawMs : plainLineMs)) return;
      lastMs = ms;
      if (live) stderr.write(`\r\u001B[2K${line.slice(0, widthOf(stderr) - 1)}`);
      else stderr.write(`${line}\n`);
      shown = live;
    },
    endProgress,
    color: stdout.isTTY === true && !noColor && env["TERM"] !== "dumb",
    columns: stdout.isTTY === true ? widthOf(stdout) : Infinity,
    signal,
    nowMs,
  };
}

/** Some terminals say 0. */
function widthOf({ columns }: Stream): number {
  return columns === undefined || columns === 0 ? 80 : columns;
}
