/** Bounds on what templates and conditions do: how much is filled in, and how much is looked at to compare. */

/** A template or a condition cannot be worked out: what it reads is not there, or it asks for too much. */
export class RenderFault extends Error {
  override readonly name = "RenderFault";
}

export type Room = {
  /** Throws a RenderFault where there is no more. */
  readonly take: (size: number) => void;
};

/** `what` says in a fault of what there is no more than this. */
export function createRoom(most: number, what: string, unit = "characters"): Room {
  let left = most;
  return {
    take: (size) => {
      left -= size;
      if (left < 0) throw new RenderFault(`${what} more than ${most} ${unit}`);
    },
  };
}
