/**
 * Files that are either whole or not there: written beside their name, and renamed when done.
 * What is there and no ordinary file, such as a pipe, is written as it stands.
 */

import { closeSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { InputError } from "../trace/input-error.ts";

export type WholeFile = {
  /** Where to write to. */
  readonly path: string;
  /** To be called once all is written: gives the file its name. */
  readonly commit: () => void;
  /** Takes away what was written. */
  readonly discard: () => void;
};

export function createWholeFile(path: string): WholeFile {
  if (isSpecial(path)) return { path, commit: () => {}, discard: () => {} };
  const partial = partialPath(path);
  touch(partial, path);
  return {
    path: partial,
    commit: () => renameSync(partial, path),
    discard: () => discardPartial(path),
  };
}

/** Takes away what an interrupted writer has left, if anything. */
export function discardPartial(path: string): void {
  if (!isSpecial(path)) rmSync(partialPath(path), { force: true });
}

/** Ends as the name does: a writer may go by that. */
function partialPath(path: string): string {
  return join(dirname(path), `.partial-${basename(path)}`);
}

function isSpecial(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats !== undefined && !stats.isFile() && !stats.isDirectory();
}

function touch(partial: string, path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
    throw new InputError(path, "", "a directory", "a file to write to");
  try {
    closeSync(openSync(partial, "w"));
  } catch (error) {
    throw unwritable(path, error);
  }
}

const reasons: { readonly [code: string]: string } = {
  ENOENT: "no such folder",
  EACCES: "no permission to write there",
  EROFS: "no permission to write there",
  ENOTDIR: "a file where a folder should be",
  EEXIST: "a file where a folder should be",
  ENOSPC: "a full disk",
};

/** What a failed write says of its place. */
export function unwritable(path: string, error: unknown): InputError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "a fault";
  return new InputError(path, "", reasons[code] ?? code, "a place to write to");
}
