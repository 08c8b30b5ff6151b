import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { fateOn } from "./support.ts";

test("compare --demo shows what the README says, on a terminal of a hundred columns", async () => {
  const { out } = await fateOn({ columns: 100 }, "compare", "--demo");
  const [, block = ""] = /^```text\n([\s\S]*?)^```/m.exec(readFileSync("README.md", "utf8")) ?? [];
  const shown = block.split("\n").filter((line) => line !== "" && line !== "...");
  expect(shown.length).toBeGreaterThan(5);
  for (const line of shown) expect(out.split("\n")).toContain(line);
});
