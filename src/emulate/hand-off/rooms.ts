/** Rooms that a decode engine waits for: it asks before or after the prefill is done, and is answered once it is. */

import type { Clock } from "../clock.ts";

export type Rooms = {
  /** The KV is there: whoever waits may come in. */
  readonly open: (room: string) => void;
  /** Resolves when the room opens, or after too long a wait, or when the engine stops. */
  readonly wait: (room: string, waitUs: number) => Promise<void>;
  readonly close: () => void;
};

export function createRooms(clock: Clock): Rooms {
  const waiting = new Map<string, Set<() => void>>();
  const letIn = (room: string): void => {
    for (const enter of waiting.get(room) ?? []) enter();
    waiting.delete(room);
  };
  return {
    open: letIn,
    wait: (room, waitUs) =>
      new Promise((resolve) => {
        const cancel = clock.after(waitUs, () => enter());
        const enter = (): void => {
          cancel();
          waiting.get(room)?.delete(enter);
          if (waiting.get(room)?.size === 0) waiting.delete(room);
          resolve();
        };
        waiting.set(room, (waiting.get(room) ?? new Set()).add(enter));
      }),
    close: () => {
      for (const room of waiting.keys()) letIn(room);
    },
  };
}
