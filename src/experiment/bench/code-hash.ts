/**
 * Names the code that decides a cell's result: a hash over every file that the worker imports, whatever the way.
 * Policies that have a folder named after themselves and are under construction there invalidate their own cells only, and those of
 * policies whose folder imports from it.
 */

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";

/** Their folders in `src/policy`; a policy belongs to one if its name begins with it. */
const apart: readonly string[] = ["fate", "foresight", "hexagent"];

/** In a clone `.ts`, in the built package `.js`. */
const ending = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
const worker = new URL(`../cell-worker${ending}`, import.meta.url);

/** Of a file of this project, as it stands in a string. */
const reference = /["'](\.\.?\/[^"'\n]+\.(?:ts|js|json))["']/g;

export type CodeHash = (policy: string) => string;

/** `root` is what runs cells. */
export function createCodeHash(root = worker): CodeHash {
  const known = new Map<string, string>();
  let all: Sources | undefined;
  return (policy) => {
    const folder = apart.find((name) => policy.startsWith(name)) ?? "";
    const found = known.get(folder);
    if (found !== undefined) return found;
    all ??= readFrom(root);
    const folders = folder === "" ? [] : foldersReached(folder, all);
    const isLeftOut = (href: string): boolean => apart.some((name) => !folders.includes(name) && liesIn(name, href));
    const hash = hashFiles(root, all, reachable([root.href], all, isLeftOut));
    known.set(folder, hash);
    return hash;
  };
}

/** Over all policies: what a result file states. */
export function hashAllCode(): string {
  const all = readFrom(worker);
  return hashFiles(worker, all, new Set(all.keys())).slice(0, 12);
}

/** By place: what stands there, and the files that it imports. */
type Sources = ReadonlyMap<string, { readonly text: string; readonly imports: readonly string[] }>;

function readFrom(root: URL): Sources {
  const sources = new Map<string, { readonly text: string; readonly imports: readonly string[] }>();
  const open = [root];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (sources.has(file.href)) continue;
    const text = readFileSync(file, "utf8");
    const imports: string[] = [];
    for (const [, path] of text.matchAll(reference)) {
      const next = new URL(path ?? "", file);
      // A string that looks like a file need not be one.
      if (path === undefined || !existsSync(next)) continue;
      imports.push(next.href);
      open.push(next);
    }
    sources.set(file.href, { text, imports });
  }
  return sources;
}

/** Of the folders that stand apart: this one, and those that it imports from, whatever the way. */
function foldersReached(folder: string, all: Sources): readonly string[] {
  const own = [...all.keys()].filter((href) => liesIn(folder, href));
  const files = [...reachable(own, all, () => false)];
  return apart.filter((name) => name === folder || files.some((href) => liesIn(name, href)));
}

function reachable(from: readonly string[], all: Sources, isLeftOut: (href: string) => boolean): ReadonlySet<string> {
  const found = new Set<string>();
  const open = [...from];
  for (let href = open.pop(); href !== undefined; href = open.pop()) {
    if (found.has(href) || isLeftOut(href)) continue;
    found.add(href);
    open.push(...(all.get(href)?.imports ?? []));
  }
  return found;
}

function liesIn(folder: string, href: string): boolean {
  return href.includes(`/policy/${folder}/`);
}

function hashFiles({ href: root }: URL, all: Sources, files: ReadonlySet<string>): string {
  const hash = createHash("sha256").update(process.version);
  const [base] = root.split("/experiment/");
  for (const href of [...files].sort((left, right) => (left < right ? -1 : 1)))
    hash.update(`${href.slice(base?.length ?? 0)}\0${all.get(href)?.text ?? ""}\0`);
  return hash.digest("hex");
}
