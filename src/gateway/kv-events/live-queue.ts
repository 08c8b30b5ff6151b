/** Batches that came live while older ones are asked for. */

export type Live = { readonly sequence: bigint; readonly payload: Uint8Array };

export type LiveQueue = {
  readonly put: (live: Live) => void;
  readonly peek: () => Live | undefined;
  readonly drop: () => void;
  readonly clear: () => void;
};

/** When it is full, all that waits is given up: a gap at its end is found like any other, and asked for again. */
export function createLiveQueue(mostBatches: number, mostBytes: number): LiveQueue {
  let waiting: Live[] = [];
  let at = 0;
  let bytes = 0;
  const clear = (): void => {
    waiting = [];
    at = 0;
    bytes = 0;
  };
  return {
    clear,
    put: (live) => {
      if (waiting.length - at >= mostBatches || bytes + live.payload.length > mostBytes) clear();
      waiting.push(live);
      bytes += live.payload.length;
    },
    peek: () => waiting[at],
    drop: () => {
      bytes -= waiting[at]?.payload.length ?? 0;
      at += 1;
      if (at === waiting.length) clear();
    },
  };
}
