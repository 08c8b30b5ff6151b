import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fate } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "fate-compare-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string): string => join(folder, name);

/** Small enough to run in the blink of an eye, large enough that policies differ. */
const generated = ["--generate", "rag", "--count", "4", "--cluster", "hetero-8"] as const;

describe("compare", () => {
  const line = ["compare", ...generated, "--policies", "heft,greedy-finish", "--seeds", "1-3"];

  test("the same bytes on one worker and on two", async () => {
    const one = await fate(...line, "--workers", "1", "--out", file("one.json"));
    const two = await fate(...line, "--workers", "2", "--out", file("two.json"));
    expect([one.code, two.code]).toEqual([0, 0]);
    expect(one.out).toContain("round-robin");
    expect(one.out).toBe(two.out);
    expect(readFileSync(file("one.json"), "utf8")).toBe(readFileSync(file("two.json"), "utf8"));
    const result = JSON.parse(readFileSync(file("one.json"), "utf8")) as { cells: unknown[]; summary: unknown[] };
    expect(result).toMatchObject({ benchmark: "compare", seeds: [1, 2, 3] });
    expect([result.cells.length, result.summary.length]).toEqual([9, 3]);
  });

  test("--json is the result file, and its command gives it again", async () => {
    const { out } = await fate(...line, "--json");
    const { command } = JSON.parse(out) as { command: string };
    const [, ...words] = command.split(" ");
    expect((await fate(...words, "--json")).out).toBe(out);
  });
});
