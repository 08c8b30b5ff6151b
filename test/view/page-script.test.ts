import { expect, test } from "vitest";
import { bundlePage } from "../../src/view/page-script.ts";

test("the script is one, needs nothing else, cannot end its element, and is not large", async () => {
  const script = await bundlePage();
  expect(script).not.toMatch(/\brequire\(|\bimport\(|\bfrom\s*"|node:/);
  expect(script.toLowerCase()).not.toMatch(/<\/script|<!--/);
  expect(script).not.toMatch(/\beval\(|new Function\b|innerHTML|insertAdjacentHTML|document\.write/);
  expect(script.length).toBeLessThan(200_000);
});
