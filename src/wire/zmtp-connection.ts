/**
 * One ZMTP connection over a TCP socket, of either side: greets, shakes hands, hands on messages, answers heartbeats and
 * sends its own. Whatever breaks the rules closes it, with a reason.
 */

import type { Socket } from "node:net";
import {
  defaultZmtpLimits,
  encodeCommand,
  encodeGreeting,
  encodeHead,
  encodeReady,
  parseReady,
  toAscii,
  type Command,
  type Message,
  type SocketType,
  type ZmtpLimits,
} from "./zmtp.ts";
import { ZmtpReader, type Received } from "./zmtp-reader.ts";

export type Peer = { readonly socketType: string; readonly identity: Uint8Array; readonly minor: number };

export type ConnectionOptions = {
  readonly socketType: SocketType;
  /** Who may be at the other end. */
  readonly peers: readonly SocketType[];
  readonly limits?: Partial<ZmtpLimits>;
  /** A beat: each asks the peer for a sign of life. Silent for three, it is given up; it has two for the handshake. */
  readonly heartbeatMs?: number;
  readonly onReady: (peer: Peer) => void;
  readonly onMessage: (frames: Message) => void;
  /** Commands but for READY, ERROR and PING, which are dealt with here. */
  readonly onCommand?: (command: Command) => void;
  /** The socket took all it was given: there is room again. */
  readonly onDrain?: () => void;
  /** Once, and nothing after it. */
  readonly onClose: (reason: string) => void;
};

const defaultHeartbeatMs = 15_000;

export class ZmtpConnection {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #reader: ZmtpReader;
  readonly #timer: NodeJS.Timeout;
  #minor: number | undefined;
  #peer: Peer | undefined;
  #closed = false;
  #beats = 0;
  #silentBeats = 0;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#reader = new ZmtpReader({ ...defaultZmtpLimits, ...options.limits });
    socket.setNoDelay(true);
    // For peers that know no PING.
    socket.setKeepAlive(true, 30_000);
    socket.on("data", (piece) => this.#take(piece as Uint8Array));
    socket.on("drain", () => options.onDrain?.());
    socket.on("error", (error: NodeJS.ErrnoException) => this.close(error.code ?? error.message));
    socket.on("end", () => this.close("the peer closed the connection"));
    socket.on("close", () => this.close("the connection is closed"));
    this.#timer = setInterval(() => this.#beat(), options.heartbeatMs ?? defaultHeartbeatMs);
    this.#timer.unref();
    socket.write(encodeGreeting());
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** What was sent waits in memory: sending more would only make it grow. */
  get full(): boolean {
    return this.#socket.writableNeedDrain;
  }

  send(frames: Message): void {
    if (this.#closed) return;
    this.#socket.cork();
    for (const [index, frame] of frames.entries()) {
      this.#socket.write(encodeHead(frame.length, index === frames.length - 1 ? "last" : "more"));
      this.#socket.write(frame);
    }
    this.#socket.uncork();
  }

  sendCommand(name: string, data: Uint8Array): void {
    if (this.#closed) return;
    const body = encodeCommand(name, data);
    this.#socket.write(Buffer.concat([encodeHead(body.length, "command"), body]));
  }

  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.#socket.destroy();
    this.#options.onClose(reason);
  }

  #take(piece: Uint8Array): void {
    this.#silentBeats = 0;
    if (this.#closed) return;
    for (const received of this.#reader.feed(piece)) {
      this.#receive(received);
      // A handler may have closed it.
      if (this.closed) return;
    }
  }

  #receive(received: Received): void {
    switch (received.kind) {
      case "fault":
        this.#refuse(received.reason);
        break;
      case "greeting":
        this.#minor = received.minor;
        this.sendCommand("READY", encodeReady(this.#options.socketType, new Uint8Array()));
        break;
      case "command":
        this.#obey(received);
        break;
      case "message":
        if (this.#peer === undefined) this.#refuse("found a message, expected READY before it");
        else this.#options.onMessage(received.frames);
    }
  }

  #obey(command: Command): void {
    const { name, data } = command;
    if (name === "ERROR") this.close(`the peer says: ${toAscii(data.subarray(1))}`);
    else if (name === "READY") this.#shakeHands(data);
    else if (this.#peer === undefined) this.#refuse(`found ${toAscii(Buffer.from(name))}, expected READY before it`);
    else if (name === "PING") this.#pong(data);
    else this.#options.onCommand?.(command);
  }

  /** Two bytes say for how long it should count; what follows comes back. One who reads no answers is sent no more of them. */
  #pong(data: Uint8Array): void {
    if (!this.full) this.sendCommand("PONG", data.subarray(2, 18));
  }

  #shakeHands(data: Uint8Array): void {
    const ready = parseReady(data);
    if (ready.kind === "fault") return this.#refuse(ready.reason);
    if (this.#peer !== undefined) return this.#refuse("found a second READY, expected one");
    const { socketType, identity } = ready;
    const { peers } = this.#options;
    if (!(peers as readonly string[]).includes(socketType))
      return this.#refuse(`found a ${socketType} socket, expected ${peers.join(" or ")}`);
    this.#peer = { socketType, identity, minor: this.#minor ?? 0 };
    this.#options.onReady(this.#peer);
  }

  /** Whoever has not shaken hands within two beats never will; PING came with 3.1. */
  #beat(): void {
    this.#silentBeats += 1;
    this.#beats += 1;
    if (this.#peer === undefined) {
      if (this.#beats > 1) this.close("the peer does not shake hands");
    } else if (this.#peer.minor > 0) {
      if (this.#silentBeats > 2) this.close("the peer is silent");
      else this.sendCommand("PING", new Uint8Array(2));
    }
  }

  #refuse(reason: string): void {
    const text = Buffer.from(reason.slice(0, 255), "latin1");
    if (this.#minor !== undefined) this.sendCommand("ERROR", Buffer.concat([Uint8Array.of(text.length), text]));
    this.close(reason);
  }
}
