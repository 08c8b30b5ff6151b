/** The codes of the gateway's own answers: every one that the source has is in the documents, and none that it has not. */

import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const root = new URL("../../../", import.meta.url);

function read(path: string): string {
  return readFileSync(new URL(path, root), "utf8");
}

function readFolder(path: string): string {
  return readdirSync(new URL(path, root))
    .map((file) => read(`${path}${file}`))
    .join("\n");
}

/** What any group of the pattern has matched. */
function matchesOf(text: string, pattern: RegExp): readonly string[] {
  return [...text.matchAll(pattern)].flatMap(([, ...groups]) => groups.filter((group) => group !== undefined));
}

/** From a heading to the next of its kind or above. */
function sectionOf(document: string, heading: string): string {
  const [level = ""] = heading.split(" ");
  const begin = document.indexOf(`\n${heading}\n`);
  const rest = document.slice(begin + heading.length + 2);
  return rest.slice(0, rest.search(new RegExp(`^#{1,${level.length}} `, "m")));
}

/** Of calls and whatever else is asked for by HTTP, with what the driver turns away. */
function listCallCodes(): readonly string[] {
  const source = `${readFolder("src/gateway/http/")}${readFolder("src/gateway/call/")}`;
  const [refusals = ""] = /export type Refusal = \{[^}]*\}/.exec(read("src/gateway/live/driver.ts")) ?? [];
  return [
    ...matchesOf(source, /\bcode: (?:\w+ \? "([a-z_]+)" : )?"([a-z_]+)"/g),
    ...matchesOf(source, /\binvalid\(\s*(?:[^",]+\? "([a-z_]+)" : )?"([a-z_]+)"/g),
    ...matchesOf(refusals, /"([a-z-]+)"/g).map((kind) => kind.replaceAll("-", "_")),
  ];
}

function listWorkflowCodes(): readonly string[] {
  const source = readFolder("src/gateway/declared/");
  return [
    ...matchesOf(source, /\b(?:refused|tryLater)\(\s*\d{3},\s*"([a-z_]+)"/g),
    ...matchesOf(read("src/gateway/declared/answer.ts"), /\bcode: "([a-z_]+)"/g),
  ];
}

const statuses = sectionOf(read("docs/gateway.md"), "## Statuses");
const overHttp = sectionOf(read("docs/workflows.md"), "## Over HTTP");

test("the table of statuses has every code of a call, and no other", () => {
  const rows = statuses.split("\n").filter((line) => /^\| \d{3} /.test(line));
  const documented = rows.flatMap((row) => matchesOf(row.split("|")[2] ?? "", /`([a-z_]+)`/g));
  const codes = new Set(listCallCodes());
  expect(codes.size).toBeGreaterThan(25);
  expect(documented.toSorted()).toEqual([...codes].sort());
});

test("the document of workflows has every code that /v1/workflows answers with beside those of the table", () => {
  const shared = new Set(listCallCodes());
  const own = listWorkflowCodes().filter((code) => !shared.has(code));
  expect(own.length).toBeGreaterThan(8);
  expect(own.filter((code) => !overHttp.includes(`\`${code}\``))).toEqual([]);
});
