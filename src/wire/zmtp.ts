/**
 * The words of ZMTP 3: greeting, frames and commands as bytes (ZeroMQ RFC 23 and 37, mechanism NULL).
 *
 * Both sides send 64 bytes of greeting, then a READY command that names the kind of socket; from then on messages of one or
 * more frames, and commands between them. A frame is a byte of flags, a length of one or eight bytes, and a body.
 */

export type SocketType = "PUB" | "XPUB" | "SUB" | "XSUB" | "REQ" | "REP" | "DEALER" | "ROUTER";

export type Message = readonly Uint8Array[];

export type ZmtpLimits = {
  readonly frameBytes: number;
  /** Over all frames of a message. */
  readonly messageBytes: number;
  readonly messageFrames: number;
  readonly commandBytes: number;
};

export const defaultZmtpLimits: ZmtpLimits = {
  frameBytes: 64 * 1024 * 1024,
  messageBytes: 64 * 1024 * 1024,
  messageFrames: 64,
  commandBytes: 64 * 1024,
};

export type Fault = { readonly kind: "fault"; readonly reason: string };

export const greetingBytes = 64;
const mechanismAt = 12;
const mechanismBytes = 20;

/** We speak 3.1: subscriptions go as commands to whoever understands them. */
export function encodeGreeting(): Uint8Array {
  const greeting = new Uint8Array(greetingBytes);
  greeting.set([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1]);
  greeting.set(Buffer.from("NULL", "latin1"), mechanismAt);
  return greeting;
}

export type Greeting = { readonly kind: "greeting"; readonly minor: number };

/** Judges as many bytes as have come, so that one who speaks something else is told at its first wrong byte. */
export function parseGreeting(bytes: Uint8Array): Greeting | Fault | { readonly kind: "more" } {
  const [first, major] = [bytes[0], bytes[10]];
  if (first !== undefined && first !== 0xff) return fault(`a greeting that begins with ${first}`, "ZMTP's 255");
  if (bytes.length > 9 && bytes[9] !== 0x7f) return fault("a greeting of ZMTP 1", "ZMTP 3");
  if (major !== undefined && major < 3) return fault(`a greeting of ZMTP ${major}`, "ZMTP 3");
  if (bytes.length < greetingBytes) return { kind: "more" };
  const mechanism = toAscii(bytes.subarray(mechanismAt, mechanismAt + mechanismBytes)).replaceAll("\0", "");
  if (mechanism !== "NULL") return fault(`the mechanism ${mechanism}`, "NULL");
  return { kind: "greeting", minor: bytes[11] ?? 0 };
}

const moreFlag = 1;
const longFlag = 2;
const commandFlag = 4;

/** Flags and length of a frame, to go before its body. */
export function encodeHead(length: number, kind: "last" | "more" | "command"): Uint8Array {
  const flags = { last: 0, more: moreFlag, command: commandFlag }[kind];
  if (length < 0x100) return Uint8Array.of(flags, length);
  const head = Buffer.alloc(9);
  head.writeUInt8(flags | longFlag);
  head.writeBigUInt64BE(BigInt(length), 1);
  return head;
}

export type Head = {
  readonly kind: "head";
  readonly more: boolean;
  readonly command: boolean;
  readonly headBytes: 2 | 9;
  readonly bodyBytes: number;
};

/** Reads flags and length from the first bytes of a frame; 9 bytes are always enough. */
export function parseHead(bytes: Uint8Array): Head | Fault | { readonly kind: "more" } {
  const [flags, length] = bytes;
  if (flags === undefined) return { kind: "more" };
  if (flags > 7 || (flags & commandFlag && flags & moreFlag)) return fault(`a frame of flags ${flags}`, "ZMTP 3's");
  const long = (flags & longFlag) !== 0;
  const headBytes = long ? 9 : 2;
  if (length === undefined || bytes.length < headBytes) return { kind: "more" };
  const bodyBytes = long ? Number(Buffer.from(bytes.subarray(1, 9)).readBigUInt64BE()) : length;
  const { more, command } = { more: (flags & moreFlag) !== 0, command: (flags & commandFlag) !== 0 };
  return { kind: "head", more, command, headBytes, bodyBytes };
}

export type Command = { readonly kind: "command"; readonly name: string; readonly data: Uint8Array };

/** The body of a command frame: its name, with its length before it, then data. */
export function encodeCommand(name: string, data: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(name.length), Buffer.from(name, "latin1"), data]);
}

export function parseCommand(body: Uint8Array): Command | Fault {
  const length = body[0] ?? 0;
  if (length === 0 || body.length < 1 + length) return fault("a command without a name", "one");
  return { kind: "command", name: toAscii(body.subarray(1, 1 + length)), data: body.subarray(1 + length) };
}

export function encodeReady(socketType: SocketType, identity: Uint8Array): Uint8Array {
  return Buffer.concat([
    encodeProperty("Socket-Type", Buffer.from(socketType, "latin1")),
    identity.length === 0 ? new Uint8Array() : encodeProperty("Identity", identity),
  ]);
}

export type Ready = { readonly kind: "ready"; readonly socketType: string; readonly identity: Uint8Array };

export function parseReady(data: Uint8Array): Ready | Fault {
  const view = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const properties = new Map<string, Uint8Array>();
  let at = 0;
  while (at < view.length) {
    const nameEnd = at + 1 + view.readUInt8(at);
    if (nameEnd + 4 > view.length) return fault("a READY that is torn off", "a name, a length and a value");
    const valueEnd = nameEnd + 4 + view.readUInt32BE(nameEnd);
    if (valueEnd > view.length) return fault("a READY that is torn off", "a name, a length and a value");
    // Names are the same in upper and lower case.
    properties.set(toAscii(view.subarray(at + 1, nameEnd)).toLowerCase(), view.subarray(nameEnd + 4, valueEnd));
    at = valueEnd;
  }
  const socketType = toAscii(properties.get("socket-type") ?? new Uint8Array());
  return { kind: "ready", socketType, identity: properties.get("identity") ?? new Uint8Array() };
}

function encodeProperty(name: string, value: Uint8Array): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([Uint8Array.of(name.length), Buffer.from(name, "latin1"), length, value]);
}

export function fault(found: string, expected: string): Fault {
  return { kind: "fault", reason: `found ${found}, expected ${expected}` };
}

/** Printable ASCII only, and not much of it: what a peer says ends up in messages. */
export function toAscii(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.subarray(0, 256)).toString("latin1");
  return text.replaceAll(/[^\0\x20-\x7e]/g, "?");
}
