/**
 * Finished cells in a file, a line each, so that a run that was ended goes on where it stopped. A line is read back if what it
 * was run with and the code that ran it are those of now; a torn last line, or one that makes no sense, is as if never written.
 */

import { createHash } from "node:crypto";
import { appendFileSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, readSync, fstatSync } from "node:fs";
import { dirname } from "node:path";
import type { CellResult, CellSpec } from "../cell.ts";
import { unwritable } from "../whole-file.ts";
import { createCodeHash } from "./code-hash.ts";

export type CellStore = {
  readonly find: (spec: CellSpec) => CellResult | undefined;
  readonly add: (result: CellResult) => void;
};

/** `dataHash` names the public data that workloads come from. */
export function openCellStore(path: string, dataHash: string): CellStore {
  const codeHash = createCodeHash();
  const keyOf = (spec: CellSpec): string => toKey(spec, codeHash(spec.policy), dataHash);
  const known = existsSync(path) ? readLines(path) : new Map<string, StoredResult>();
  makeFolder(dirname(path));
  if (existsSync(path) && !endsInNewline(path)) append(path, "\n");
  return {
    find: (spec) => {
      const found = known.get(keyOf(spec));
      return found === undefined ? undefined : { spec, ...found };
    },
    add: ({ spec, ...result }) => {
      const { policy, cluster, seed } = spec;
      const line: StoredLine = { key: keyOf(spec), policy, cluster, seed, result };
      append(path, `${JSON.stringify(line)}\n`);
    },
  };
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw unwritable(path, error);
  }
}

function append(path: string, text: string): void {
  try {
    appendFileSync(path, text);
  } catch (error) {
    throw unwritable(path, error);
  }
}

type StoredResult = Omit<CellResult, "spec">;

/** Policy, cluster and seed are for people who look into the file. */
type StoredLine = {
  readonly key: string;
  readonly policy: string;
  readonly cluster: string;
  readonly seed: number;
  readonly result: StoredResult;
};

function toKey(spec: CellSpec, codeHash: string, dataHash: string): string {
  const { workload } = spec;
  // Where the data lie does not matter, what they are does.
  const source =
    workload.kind === "real-dag" && workload.data !== undefined ? { ...workload, data: dataHash } : workload;
  return createHash("sha256")
    .update(JSON.stringify([codeHash, { ...spec, workload: source }]))
    .digest("hex")
    .slice(0, 32);
}

/** The last line of a key counts. */
function readLines(path: string): Map<string, StoredResult> {
  const known = new Map<string, StoredResult>();
  for (const text of readFileSync(path, "utf8").split("\n")) {
    const line = parseLine(text);
    if (line !== undefined) known.set(line.key, line.result);
  }
  return known;
}

/** Lines are this program's own, so that one which is whole is right. */
function parseLine(text: string): StoredLine | undefined {
  try {
    const line: unknown = JSON.parse(text);
    return typeof line === "object" && line !== null && "key" in line && "result" in line
      ? (line as StoredLine)
      : undefined;
  } catch {
    return undefined;
  }
}

function endsInNewline(path: string): boolean {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    if (size === 0) return true;
    const last = Buffer.alloc(1);
    readSync(file, last, 0, 1, size - 1);
    return last.toString() === "\n";
  } finally {
    closeSync(file);
  }
}
