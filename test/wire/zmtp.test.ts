import fc from "fast-check";
import { expect, test } from "vitest";
import {
  defaultZmtpLimits,
  encodeCommand,
  encodeGreeting,
  encodeHead,
  encodeReady,
  parseCommand,
  parseGreeting,
  parseHead,
  parseReady,
} from "../../src/wire/zmtp.ts";
import { parseTcpEndpoint } from "../../src/wire/zmtp-endpoint.ts";
import { ZmtpReader, type Received } from "../../src/wire/zmtp-reader.ts";

const limits = { frameBytes: 1000, messageBytes: 1500, messageFrames: 3, commandBytes: 100 };
const flat = (...parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts);
const frame = (body: Uint8Array, kind: "last" | "more" | "command" = "last"): Uint8Array =>
  flat(encodeHead(body.length, kind), body);

/** Feeds a text in pieces of these sizes, over and over, up to its first fault. */
function readAll(bytes: Uint8Array, sizes: readonly number[], withLimits = limits): readonly Received[] {
  const reader = new ZmtpReader(withLimits);
  const all: Received[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    for (const received of reader.feed(bytes.subarray(at, at + size))) {
      all.push(received);
      if (received.kind === "fault") return all;
    }
    at += size;
  }
  return all;
}

test("our greeting is ZMTP 3.1 with mechanism NULL", () => {
  const greeting = encodeGreeting();
  expect(greeting).toHaveLength(64);
  expect(parseGreeting(greeting)).toEqual({ kind: "greeting", minor: 1 });
  expect(parseGreeting(greeting.subarray(0, 63))).toEqual({ kind: "more" });
});

test.each([
  ["HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n"), "found a greeting that begins with 71, expected ZMTP's 255"],
  ["ZMTP 1", Buffer.from("ff0000000000000001ff", "hex"), "found a greeting of ZMTP 1, expected ZMTP 3"],
  ["ZMTP 2", Buffer.from("ff00000000000000017f0105", "hex"), "found a greeting of ZMTP 1, expected ZMTP 3"],
])("%s is refused at once", (_, bytes, reason) => {
  expect(parseGreeting(bytes)).toEqual({ kind: "fault", reason });
});

test("another mechanism is refused", () => {
  const greeting = encodeGreeting();
  greeting.set(Buffer.from("CURVE"), 12);
  expect(parseGreeting(greeting)).toEqual({ kind: "fault", reason: "found the mechanism CURVE, expected NULL" });
});

test("heads of frames", () => {
  expect(Buffer.from(encodeHead(255, "more")).toString("hex")).toBe("01ff");
  expect(Buffer.from(encodeHead(256, "last")).toString("hex")).toBe("020000000000000100");
  expect(Buffer.from(encodeHead(7, "command")).toString("hex")).toBe("0407");
  expect(parseHead(Uint8Array.of(8, 1))).toMatchObject({ kind: "fault" });
  expect(parseHead(Uint8Array.of(5, 1))).toMatchObject({ kind: "fault" });
  expect(parseHead(Uint8Array.of(2, 0, 0))).toEqual({ kind: "more" });
});

test("READY names the socket and its identity", () => {
  const command = parseCommand(encodeCommand("READY", encodeReady("DEALER", Uint8Array.of(1, 2))));
  expect(command).toMatchObject({ kind: "command", name: "READY" });
  const ready = parseReady(encodeReady("DEALER", Uint8Array.of(1, 2)));
  expect(ready).toEqual({ kind: "ready", socketType: "DEALER", identity: Buffer.of(1, 2) });
  expect(parseReady(Buffer.from("ff01", "hex"))).toMatchObject({ kind: "fault" });
  expect(parseReady(Buffer.from("0141ffffffff", "hex"))).toMatchObject({ kind: "fault" });
});

test("messages come out whole, however they come in", () => {
  const body = new Uint8Array(300).fill(9);
  const bytes = flat(
    encodeGreeting(),
    frame(Uint8Array.of(), "more"),
    frame(body),
    frame(encodeCommand("PING", body.subarray(0, 2)), "command"),
    frame(Uint8Array.of(1)),
  );
  const expected = readAll(bytes, [bytes.length]);
  expect(expected.map(({ kind }) => kind)).toEqual(["greeting", "message", "command", "message"]);
  expect(expected[1]).toEqual({ kind: "message", frames: [Buffer.of(), Buffer.from(body)] });
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 9 }), (sizes) => {
      expect(readAll(bytes, sizes)).toEqual(expected);
    }),
    { numRuns: 100 },
  );
});

test.each([
  ["a frame", frame(new Uint8Array(1001)), "found a frame of 1001 bytes, expected at most 1000"],
  [
    "a frame of 2^63 bytes",
    Buffer.from("028000000000000000", "hex"),
    `found a frame of ${2 ** 63} bytes, expected at most 1000`,
  ],
  ["a command", frame(new Uint8Array(101), "command"), "found a frame of 101 bytes, expected at most 100"],
  [
    "a message",
    flat(frame(new Uint8Array(900), "more"), frame(new Uint8Array(900))),
    "found a longer message, expected at most 1500 bytes",
  ],
  [
    "a list of frames",
    flat(...[1, 2, 3, 4].map(() => frame(Uint8Array.of(), "more"))),
    "found another frame, expected at most 3 in a message",
  ],
])("%s that is too long is a fault", (_, bytes, reason) => {
  expect(readAll(flat(encodeGreeting(), bytes), [7]).at(-1)).toEqual({ kind: "fault", reason });
});

test("the limits are those of one message, not of all", () => {
  const bytes = flat(encodeGreeting(), ...Array.from({ length: 9 }, () => frame(new Uint8Array(900))));
  expect(readAll(bytes, [500]).map(({ kind }) => kind)).toEqual(["greeting", ...Array<string>(9).fill("message")]);
});

test("no bytes make the reader throw, and it holds no more than its limits", () => {
  const started = fc.tuple(fc.boolean(), fc.uint8Array({ maxLength: 300 }));
  fc.assert(
    fc.property(started, fc.integer({ min: 1, max: 40 }), ([greeted, noise], size) => {
      const all = readAll(greeted ? flat(encodeGreeting(), noise) : noise, [size]);
      for (const received of all)
        if (received.kind === "message") expect(received.frames.length).toBeLessThanOrEqual(limits.messageFrames);
    }),
    { numRuns: 200 },
  );
});

test("no bytes make the parsers of commands throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      expect(["ready", "fault"]).toContain(parseReady(bytes).kind);
      expect(["command", "fault"]).toContain(parseCommand(bytes).kind);
    }),
    { numRuns: 200 },
  );
});

test("a large frame in many pieces comes out whole", () => {
  const body = new Uint8Array(1_000_000).map((_, index) => index % 251);
  const all = readAll(flat(encodeGreeting(), frame(body)), [65_536], defaultZmtpLimits);
  expect(all[1]).toEqual({ kind: "message", frames: [Buffer.from(body)] });
});

test.each([
  ["tcp://127.0.0.1:5557", { host: "127.0.0.1", port: 5557 }],
  ["tcp://[::1]:5557", { host: "::1", port: 5557 }],
  ["tcp://engine-0.engines:1", { host: "engine-0.engines", port: 1 }],
  ["tcp://*:5557", undefined],
  ["tcp://localhost", undefined],
  ["tcp://localhost:0", undefined],
  ["tcp://localhost:65536", undefined],
  ["ipc:///run/kv", undefined],
  ["tcp://a b:1", undefined],
])("endpoint %s", (text, address) => {
  expect(parseTcpEndpoint(text)).toEqual(address);
});
