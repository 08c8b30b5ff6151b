/** What documents point to is there: files, and sections of them. */

import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";

const documents = globSync(["*.md", "docs/**/*.md", "src/**/*.md", "bench/**/*.md", "test/**/*.md"]);

/** As hosts of repositories name them. */
const sections = new Map(
  documents.map((path) => {
    const headings = [...readWithoutCode(path).matchAll(/^#{1,6} (.+)$/gm)].map(([, words]) => toAnchor(words ?? ""));
    return [path, new Set(headings)];
  }),
);

function readWithoutCode(path: string): string {
  return readFileSync(path, "utf8").replaceAll(/^```[\s\S]*?^```/gm, "");
}

function toAnchor(words: string): string {
  return words
    .trim()
    .toLowerCase()
    .replaceAll(/\]\([^)]*\)/g, "")
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");
}

function missingIn(path: string): readonly string[] {
  const links = [...readWithoutCode(path).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link ?? "");
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [file = "", section] = link.split("#");
    const to = file === "" ? path : join(dirname(path), decodeURIComponent(file));
    if (!existsSync(to)) return true;
    return section !== undefined && to.endsWith(".md") && sections.get(to)?.has(section) !== true;
  });
}

describe("links", () => {
  test("there are documents to look at", () => {
    expect(documents).toEqual(expect.arrayContaining(["README.md", join("docs", "findings.md")]));
  });

  test.each(documents)("of %s lead somewhere", (path) => {
    expect(missingIn(path)).toEqual([]);
  });
});
