/** `docs/journal.md` and the tables that the reader and the checker go by say the same. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { laws } from "../../src/check/laws.ts";
import { headerFields } from "../../src/journal/header-fields.ts";
import { recordFields, visibleStage } from "../../src/journal/record-fields.ts";
import { describe as describeShape, findFieldFault, type Fields } from "../../src/journal/shape.ts";
import type { EventKind } from "../../src/model/event.ts";

const page = readFileSync(new URL("../../docs/journal.md", import.meta.url), "utf8");
const sections = new Map(
  page.split(/^#+ /m).map((section) => [section.slice(0, section.indexOf("\n")).replaceAll("`", ""), section]),
);

/** First and second column of the tables in a section. */
function tableOf(heading: string): Map<string, string> {
  const rows = (sections.get(heading) ?? "").split("\n").filter((line) => line.startsWith("| `"));
  return new Map(
    rows.map((row) => {
      const [, name = "", type = ""] = row.split(/(?<!\\)\|/).map((cell) => cell.trim());
      return [name.replaceAll("`", ""), type.replaceAll("\\|", "|")];
    }),
  );
}

function expected(fields: Fields): Map<string, string> {
  return new Map(
    Object.entries(fields).map(([name, { shape, optional }]) => [
      name,
      `${describeShape(shape)}${optional ? ", optional" : ""}`,
    ]),
  );
}

describe("each kind of record has its section, with every field, its type, and no other", () => {
  test.each(Object.keys(recordFields) as EventKind[])("%s", (kind) => {
    expect(tableOf(kind)).toEqual(expected(recordFields[kind]));
  });

  test("no section describes a kind that is not there", () => {
    const described = [...page.matchAll(/^### `(.+)`$/gm)].map(([, kind]) => kind);
    expect(described).toEqual(Object.keys(recordFields));
  });
});

test("the header", () => {
  expect(tableOf("The header")).toEqual(expected(headerFields));
});

test("a revealed stage, of any kind", () => {
  const kinds = visibleStage.type === "kinds" ? visibleStage.kinds : {};
  expect(tableOf("A revealed stage")).toEqual(expected({ ...kinds["llm"], ...kinds["embed"], ...kinds["tool"] }));
});

test("every law with its claim", () => {
  const rows = page.split("\n").filter((line) => /^\| `[\w-]+`\s+\| (every|modelled)/.test(line));
  const told = rows.map((row) =>
    row
      .split("|")
      .map((cell) => cell.trim().replace(/^`([\w-]+)`$/, "$1"))
      .slice(1, 4),
  );
  expect(told).toEqual(
    laws.map(({ name, scope, claim }) => [
      name,
      scope === "any" ? "every" : "modelled",
      claim.slice(0, 1).toUpperCase() + claim.slice(1),
    ]),
  );
});

test("the example is made of records", () => {
  const block = /```json\n([^`]+)```/.exec(page)?.[1] ?? "";
  const records = block
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  expect(records.length).toBeGreaterThan(10);
  for (const [index, record] of records.entries()) {
    const { kind, atUs, sequence, ...own } = record;
    expect([kind, findFieldFault(recordFields[kind as EventKind], own, "")]).toEqual([kind, undefined]);
    expect(sequence).toBe(index + 1);
    expect(atUs).toBeGreaterThanOrEqual(0);
  }
});
