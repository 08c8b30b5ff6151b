/**
 * Names the code that decides a cell's result: a hash over every file that the worker imports, whatever the way.
 * Policies that have a folder named after themselves and are under construction there invalidate their own cells only.
 */

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";

/** Their folders in `src/policy`; a policy belongs to one if its name begins with it. */
const apart: readonly string[] = ["fate", "foresight", "hexagent"];

/** In a clone `.ts`, in the built package `.js`. */
const ending = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
const root = new URL(`../cell-worker${ending}`, import.meta.url);

/** Of a file of this project, as it stands in a string. */
const reference = /["'](\.\.?\/[^"'\n]+\.(?:ts|js|json))["']/g;

export type CodeHash = (policy: string) => string;

export function createCodeHash(): CodeHash {
  const known = new Map<string, string>();
  return (policy) => {
    const folder = apart.find((name) => policy.startsWith(name)) ?? "";
    const found = known.get(folder) ?? hashFiles(reachable(folder));
    known.set(folder, found);
    return found;
  };
}

/** Over all policies: what a result file states. */
export function hashAllCode(): string {
  return hashFiles(reachable(undefined)).slice(0, 12);
}

/** Text by place. Folders that stand apart are left out, but for `folder`; none are if that is undefined. */
function reachable(folder: string | undefined): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  const open = [root];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (texts.has(file.href) || isLeftOut(file, folder)) continue;
    const text = readFileSync(file, "utf8");
    texts.set(file.href, text);
    for (const [, path] of text.matchAll(reference)) {
      const next = new URL(path ?? "", file);
      // A string that looks like a file need not be one.
      if (path !== undefined && existsSync(next)) open.push(next);
    }
  }
  return texts;
}

function isLeftOut({ pathname }: URL, folder: string | undefined): boolean {
  if (folder === undefined) return false;
  return apart.some((name) => name !== folder && pathname.includes(`/policy/${name}/`));
}

function hashFiles(texts: ReadonlyMap<string, string>): string {
  const hash = createHash("sha256").update(process.version);
  const [base] = root.href.split("/experiment/");
  for (const [href, text] of [...texts].sort(([left], [right]) => (left < right ? -1 : 1)))
    hash.update(`${href.slice(base?.length ?? 0)}\0${text}\0`);
  return hash.digest("hex");
}
