/** Whole lines to another gateway and back, in order, for as long as it holds: all that a link asks of what is below it. */

export type Channel = {
  /** Without its line end. What is sent after the channel closed goes nowhere. */
  readonly send: (line: string) => void;
  /** To be called once, before anything can have come: right after the channel is there. */
  readonly listen: (ears: Ears) => void;
  /** At once; `onClose` is not called for it. */
  readonly close: () => void;
  /** Characters that are sent and have not gone out. */
  readonly backlog: () => number;
};

export type Ears = {
  readonly onLine: (line: string) => void;
  /** Once, when the other side has closed it or it broke. */
  readonly onClose: () => void;
};

/** Reaches the gateway at this address. Rejects if that cannot be, or when the signal says so. */
export type Connect = (address: string, signal: AbortSignal) => Promise<Channel>;

/** Of a line: a prompt of a hundred thousand links has room. */
export const maxLineLength = 8 * 1024 * 1024;
