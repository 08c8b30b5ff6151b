/** The example in `docs/journal.md` is what its command writes. */

import { strict as assert } from "node:assert";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { fate } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "fate-journal-example-"));
afterAll(() => rmSync(folder, { recursive: true }));

const page = readFileSync("docs/journal.md", "utf8");
const example = page.slice(page.indexOf("## An example"), page.indexOf("## A live journal"));

test("the command writes as many records as is said, and those that are shown", async () => {
  const [, workload] = /^```yaml\n([\s\S]*?)^```/m.exec(example) ?? [];
  const [, command, records] = /`fate (simulate [^`]+)` writes a header and (\d+) records/.exec(example) ?? [];
  const [, shown] = /^```json\n([\s\S]*?)^```/m.exec(example) ?? [];
  assert(workload !== undefined && command !== undefined && shown !== undefined);
  writeFileSync(join(folder, "note.yaml"), workload);
  const { code, notes } = await fate(
    ...command.split(" ").map((word) => (word.startsWith("note.") ? join(folder, word) : word)),
  );
  expect(code, notes).toBe(0);
  const [, ...lines] = readFileSync(join(folder, "note.ndjson"), "utf8").trimEnd().split("\n");
  expect(lines).toHaveLength(Number(records));
  expect(lines.slice(0, shown.trimEnd().split("\n").length)).toEqual(shown.trimEnd().split("\n"));
});
