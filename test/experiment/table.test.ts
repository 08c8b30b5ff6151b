import { expect, test } from "vitest";
import { showBytes, showCount, showDifference, showDuration } from "../../src/experiment/format.ts";
import { fitColumns, renderBar, renderMarkdown, renderText } from "../../src/experiment/table.ts";

const table = {
  columns: [
    { heading: "policy", align: "left" },
    { heading: "p95", align: "right" },
  ],
  rows: [
    ["heft", "9 s"],
    ["round-robin", "12 s"],
  ],
} as const;

test("a table lines up as text", () => {
  expect(renderText(table)).toBe("policy        p95\nheft          9 s\nround-robin  12 s\n");
});

test("and is Markdown too", () => {
  expect(renderMarkdown(table)).toBe("| policy | p95 |\n| --- | ---: |\n| heft | 9 s |\n| round-robin | 12 s |\n");
});

test("a narrow terminal gets fewer columns", () => {
  const column = (heading: string) => ({ heading, align: "left" }) as const;
  const wide = { columns: ["aaaa", "bbbb", "cccc", "dddd"].map(column), rows: [["1", "2", "3", "4"]] };
  expect(renderText(fitColumns(wide, 22))).toBe("aaaa  bbbb  cccc  dddd\n1     2     3     4\n");
  expect(renderText(fitColumns(wide, 21))).toBe("aaaa  bbbb  cccc\n1     2     3\n");
  expect(fitColumns(wide, 1).columns).toHaveLength(3);
});

test("a bar has eighths", () => {
  expect(renderBar(1, 3)).toBe("███");
  expect(renderBar(0.5, 3)).toBe("█▌");
  expect(renderBar(0, 3)).toBe("");
  expect(renderBar(2, 3)).toBe("███");
});

test("numbers have three digits and a unit", () => {
  expect([0, 1500, 999_400, 999_600, 65e6, 900e6, 50_000e6].map(showDuration)).toEqual([
    "0.00 ms",
    "1.50 ms",
    "999 ms",
    "1.00 s",
    "65.0 s",
    "15.0 min",
    "13.9 h",
  ]);
  expect([0, 12, 999_600, 12.5e9].map(showBytes)).toEqual(["0 B", "12 B", "1.00 MB", "12.5 GB"]);
  expect([7, 12_345].map(showCount)).toEqual(["7", "12.3 k"]);
  expect([-0.123, 0.05, -0.00001].map(showDifference)).toEqual(["-12.3%", "+5.0%", "0.0%"]);
});
