/** A file as text: decompressed if it is gzip, bounded, and UTF-8. */

import { readFileSync, statSync, type Stats } from "node:fs";
import { gunzipSync } from "node:zlib";
import { InputError } from "./input-error.ts";
import { maxFileBytes, maxTextBytes } from "./limits.ts";

export function readText(path: string): string {
  const stats = statOf(path);
  if (stats.isDirectory()) throw new InputError(path, "", "a directory", "a file");
  if (stats.size > maxFileBytes) throw new InputError(path, "", `${stats.size} bytes`, `at most ${maxFileBytes}`);
  return decodeText(contentOf(path), path);
}

/** Bytes as text, gzip known by its first two bytes whatever the name says. */
export function decodeText(bytes: Uint8Array, file: string, maxBytes = maxTextBytes): string {
  const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? unzip(bytes, file, maxBytes) : bytes;
  if (plain.length > maxBytes) throw new InputError(file, "", `${plain.length} bytes`, `at most ${maxBytes}`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(plain);
  } catch {
    throw new InputError(file, "", "bytes that are not UTF-8", "UTF-8 text, or gzip of it");
  }
}

function unzip(bytes: Uint8Array, file: string, maxBytes: number): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    if (codeOf(error) === "ERR_BUFFER_TOO_LARGE")
      throw new InputError(file, "", "a larger text inside the gzip", `at most ${maxBytes} bytes`);
    throw new InputError(file, "", "a damaged gzip", "a whole one");
  }
}

function statOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function contentOf(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): InputError {
  const code = codeOf(error);
  const found = code === "ENOENT" ? "no such file" : code === "EACCES" ? "no permission to read it" : code;
  return new InputError(path, "", found, "a readable file");
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "an unknown fault";
}
