/** Bounds on what templates and conditions do: how much is filled in, and how much is looked at to compare. */

/** A template or a condition cannot be worked out: what it reads is not there, or it asks for too much. */
export class RenderFault extends Error {
  override readonly name = "RenderFault";
}

export type Room = {
  /** Throws a RenderFault where there is no more. */
  readonly take: (size: number) => void;
};

/** `beyond` is what the fault says. */
export function createRoom(most: number, beyond: string): Room {
  let left = most;
  return {
    take: (size) => {
      left -= size;
      if (left < 0) throw new RenderFault(beyond);
    },
  };
}
