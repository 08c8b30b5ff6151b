/** Bytes as they come from a socket, in pieces of any size, to a greeting, messages and commands, within bounds. */

import {
  fault,
  greetingBytes,
  parseCommand,
  parseGreeting,
  parseHead,
  type Command,
  type Fault,
  type Greeting,
  type Message,
  type ZmtpLimits,
} from "./zmtp.ts";

export type Received = Greeting | Command | Fault | { readonly kind: "message"; readonly frames: Message };

/**
 * Invariant: holds no more than the limits allow of a frame, and of the frames of a message that has not ended. Costs a copy
 * of each frame that comes in several pieces. Nothing more is to be fed after a fault.
 */
export class ZmtpReader {
  readonly #limits: ZmtpLimits;
  #pieces: Uint8Array[] = [];
  #length = 0;
  #greeted = false;
  #frames: Uint8Array[] = [];
  #messageBytes = 0;

  constructor(limits: ZmtpLimits) {
    this.#limits = limits;
  }

  /** Hands on what `piece` completes. Not to be called again before it has ended. */
  *feed(piece: Uint8Array): Generator<Received, void, undefined> {
    this.#pieces.push(piece);
    this.#length += piece.length;
    for (;;) {
      const next = this.#greeted ? this.#nextFrame() : this.#nextGreeting();
      if (next === "more") return;
      if (next !== "part") yield next;
    }
  }

  #nextGreeting(): Greeting | Fault | "more" {
    const greeting = parseGreeting(this.#peek(greetingBytes));
    if (greeting.kind === "more") return "more";
    if (greeting.kind === "greeting") {
      this.#take(greetingBytes);
      this.#greeted = true;
    }
    return greeting;
  }

  #nextFrame(): Received | "more" | "part" {
    const head = parseHead(this.#peek(9));
    if (head.kind === "more") return "more";
    if (head.kind === "fault") return head;
    const mostBytes = head.command ? this.#limits.commandBytes : this.#limits.frameBytes;
    if (head.bodyBytes > mostBytes) return fault(`a frame of ${head.bodyBytes} bytes`, `at most ${mostBytes}`);
    if (!head.command && this.#messageBytes + head.bodyBytes > this.#limits.messageBytes)
      return fault("a longer message", `at most ${this.#limits.messageBytes} bytes`);
    if (!head.command && this.#frames.length === this.#limits.messageFrames)
      return fault("another frame", `at most ${this.#limits.messageFrames} in a message`);
    if (this.#length < head.headBytes + head.bodyBytes) return "more";
    const body = this.#take(head.headBytes + head.bodyBytes).subarray(head.headBytes);
    if (head.command) return parseCommand(body);
    this.#frames.push(body);
    this.#messageBytes += body.length;
    if (head.more) return "part";
    const frames = this.#frames;
    this.#frames = [];
    this.#messageBytes = 0;
    return { kind: "message", frames };
  }

  /** Up to `length` of the bytes that come next. Joins at most once a piece: what is joined is long enough the next time. */
  #peek(length: number): Uint8Array {
    const first = this.#pieces[0] ?? new Uint8Array();
    const start = first.length >= length || this.#pieces.length === 1 ? first : this.#join();
    return start.subarray(0, length);
  }

  #take(length: number): Uint8Array {
    const [first] = this.#pieces;
    const whole = first !== undefined && first.length >= length ? first : this.#join();
    this.#length -= length;
    if (whole.length === length) this.#pieces.shift();
    else this.#pieces[0] = whole.subarray(length);
    return whole.subarray(0, length);
  }

  #join(): Uint8Array {
    const whole = Buffer.concat(this.#pieces);
    this.#pieces = whole.length === 0 ? [] : [whole];
    return whole;
  }
}
