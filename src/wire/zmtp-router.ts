/** A ROUTER socket: each message comes with the peer that sent it, and answers go to that peer alone. */

import { once } from "node:events";
import type { Message } from "./zmtp.ts";
import { listen, type ListenOptions, type ZmtpServer } from "./zmtp-server.ts";

export type RouterPeer = {
  /** Resolves when there is room for more; false if the peer is gone. */
  readonly send: (frames: Message) => Promise<boolean>;
};

export type RouterOptions = ListenOptions & {
  /** Frames as they came: a REQ peer puts an empty one before the rest, and expects it before the answer. */
  readonly onMessage: (frames: Message, peer: RouterPeer) => void;
};

export function createRouter(options: RouterOptions): Promise<ZmtpServer> {
  return listen(options, (connection) => {
    const room = new EventTarget();
    const peer: RouterPeer = {
      send: async (frames) => {
        connection().send(frames);
        if (connection().full && !connection().closed) await once(room, "change");
        return !connection().closed;
      },
    };
    const changed = (): boolean => room.dispatchEvent(new Event("change"));
    return {
      socketType: "ROUTER",
      peers: ["REQ", "DEALER", "ROUTER"],
      onReady: () => {},
      onMessage: (frames) => options.onMessage(frames, peer),
      onDrain: changed,
      onClose: changed,
    };
  });
}
