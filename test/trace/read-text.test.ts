import fc from "fast-check";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decodeText, readText } from "../../src/trace/read-text.ts";
import { refusal } from "./documents.ts";
import { codePoint } from "../support/code-point.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "fate-read-text-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

test("gzip is known by its content, whatever the name", () => {
  const path = join(folder, "plain.txt");
  writeFileSync(path, gzipSync("héllo"));
  expect(readText(path)).toBe("héllo");
});

test("what cannot be read says why", () => {
  expect(refusal(() => readText(join(folder, "none")))).toContain("found no such file, expected a readable file");
  expect(refusal(() => readText(folder))).toContain("found a directory, expected a file");
  expect(refusal(() => decodeText(Uint8Array.of(0xff, 0xfe), "f"))).toContain("found bytes that are not UTF-8");
  expect(refusal(() => decodeText(gzipSync("hello").subarray(0, 20), "f"))).toContain("found a damaged gzip");
});

test("a small gzip that holds a large text is refused before it fills the memory", () => {
  const bomb = gzipSync(Buffer.alloc(100_000));
  expect(refusal(() => decodeText(bomb, "f", 50_000))).toContain("expected at most 50000 bytes");
});

test("any text survives", () => {
  fc.assert(
    fc.property(fc.string({ unit: codePoint }), (text) => {
      fc.pre(!text.startsWith("\uFEFF"));
      expect(decodeText(gzipSync(text), "f")).toBe(decodeText(Buffer.from(text), "f"));
      expect(decodeText(Buffer.from(text), "f")).toBe(text.toWellFormed());
    }),
  );
});
