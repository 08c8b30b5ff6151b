import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeMsgpack, type MsgpackValue } from "../../src/wire/msgpack.ts";
import { encodeMsgpack } from "../../src/wire/msgpack-encode.ts";

const bytes = (hex: string): Uint8Array => Buffer.from(hex.replaceAll(" ", ""), "hex");
const read = (hex: string): unknown => {
  const result = decodeMsgpack(bytes(hex));
  return result.kind === "value" ? result.value : `byte ${result.at}: ${result.found}; ${result.expected}`;
};

test.each([
  ["00", 0],
  ["7f", 127],
  ["e0", -32],
  ["ff", -1],
  ["cc ff", 255],
  ["cd 01 00", 256],
  ["ce ff ff ff ff", 4_294_967_295],
  ["cf 00 1f ff ff ff ff ff ff", Number.MAX_SAFE_INTEGER],
  ["cf 00 20 00 00 00 00 00 00", 2n ** 53n],
  ["cf ff ff ff ff ff ff ff ff", 2n ** 64n - 1n],
  ["d0 80", -128],
  ["d1 80 00", -32_768],
  ["d2 80 00 00 00", -2_147_483_648],
  ["d3 80 00 00 00 00 00 00 00", -(2n ** 63n)],
  ["d3 ff ff ff ff ff ff ff fe", -2],
  ["ca 3f 80 00 00", 1],
  ["cb bf f8 00 00 00 00 00 00", -1.5],
  ["c0", null],
  ["c2", false],
  ["c3", true],
  ["a2 c3 bc", "ü"],
  ["d9 01 61", "a"],
  ["da 00 01 61", "a"],
  ["db 00 00 00 01 61", "a"],
  ["c4 02 01 02", bytes("0102")],
  ["c5 00 01 09", bytes("09")],
  ["c6 00 00 00 01 09", bytes("09")],
  ["92 01 a1 78", [1, "x"]],
  ["dc 00 01 c0", [null]],
  ["dd 00 00 00 01 c0", [null]],
  ["81 01 a1 78", new Map([[1, "x"]])],
  ["de 00 01 a1 61 02", new Map([["a", 2]])],
  ["df 00 00 00 01 a1 61 02", new Map([["a", 2]])],
  ["d4 05 2a", { extension: 5, data: bytes("2a") }],
  ["d8 ff 00112233445566778899aabbccddeeff", { extension: -1, data: bytes("00112233445566778899aabbccddeeff") }],
  ["c7 03 07 010203", { extension: 7, data: bytes("010203") }],
])("%s is read", (hex, value) => {
  expect(read(hex)).toEqual(value);
});

test.each([
  ["", "byte 0: the end; 1 bytes more"],
  ["c1", "byte 0: the byte 0xc1; the start of a value"],
  ["01 02", "byte 1: 1 bytes more; the end"],
  ["a3 61", "byte 1: the end; 3 bytes more"],
  ["dd ff ff ff ff", "byte 5: 0 bytes; 4294967295 values"],
  ["df 80 00 00 00 c0", "byte 5: 1 bytes; 4294967296 values"],
])("%s is a fault", (hex, fault) => {
  expect(read(hex)).toBe(fault);
});

test("what is nested too deep, too large or too much is a fault", () => {
  const nested = bytes(`${"91".repeat(40)}c0`);
  expect(decodeMsgpack(nested)).toMatchObject({ kind: "fault", expected: "at most 32 levels" });
  expect(decodeMsgpack(nested, { depth: 40 }).kind).toBe("value");
  expect(decodeMsgpack(bytes("93 01 02 03"), { values: 3 })).toMatchObject({ kind: "fault", found: "another value" });
  expect(decodeMsgpack(bytes("93 01 02 03"), { bytes: 3 })).toMatchObject({ kind: "fault", found: "4 bytes" });
});

const { value: anyValue } = fc.letrec<{ value: MsgpackValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double(),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
    fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
    fc.string({ unit: "grapheme", maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.record({ extension: fc.integer({ min: -128, max: 127 }), data: fc.uint8Array({ maxLength: 20 }) }),
    fc.array(tie("value"), { maxLength: 20 }),
    fc.array(fc.tuple(fc.string({ unit: "grapheme" }), tie("value")), { maxLength: 20 }).map((list) => new Map(list)),
  ),
}));

test("what is written is read back", () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      expect(decodeMsgpack(encodeMsgpack(value))).toEqual({ kind: "value", value });
    }),
    { numRuns: 200 },
  );
});

test("long values get long headers", () => {
  const length = 65_536;
  const back = (value: MsgpackValue): MsgpackValue | undefined => {
    const result = decodeMsgpack(encodeMsgpack(value));
    return result.kind === "value" ? result.value : undefined;
  };
  expect(back("x".repeat(length))).toBe("x".repeat(length));
  expect(back(new Uint8Array(length))).toHaveLength(length);
  expect(back(Array.from({ length }, () => 1))).toHaveLength(length);
  expect(back(new Map(Array.from({ length }, (_, key) => [key, null])))).toHaveProperty("size", length);
});

test("a whole number is written as a float where asked", () => {
  expect(Buffer.from(encodeMsgpack({ float64: 2 })).toString("hex")).toBe("cb4000000000000000");
});

test("an integer beyond 64 bits cannot be written", () => {
  expect(() => encodeMsgpack(2n ** 64n)).toThrow(RangeError);
});

test("no bytes make it throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (input) => {
      expect(["value", "fault"]).toContain(decodeMsgpack(input).kind);
    }),
    { numRuns: 200 },
  );
});

test("a text torn off anywhere is a fault", () => {
  const whole = encodeMsgpack([1, "two", new Map([["three", 2n ** 60n]]), new Uint8Array(3)]);
  for (let end = 0; end < whole.length; end++) expect(decodeMsgpack(whole.subarray(0, end)).kind).toBe("fault");
});
