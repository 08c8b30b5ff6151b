import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Known } from "../../src/view/known.ts";
import { renderPage } from "../../src/view/render-page.ts";

const known: Known = { kind: "gateway", open: true, files: [], whatIf: false };

test("the page asks nobody else for anything, and its policy allows its own script and style alone", () => {
  const page = renderPage("console.log(1)", known);
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1];
  for (const [element, directive] of [
    ["style", "style-src"],
    ["script", "script-src"],
  ]) {
    const text = new RegExp(`<${element}>([\\s\\S]*?)</${element}>`).exec(page)?.[1] ?? "";
    expect(policy).toContain(`${directive} 'sha256-${createHash("sha256").update(text).digest("base64")}'`);
  }
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toMatch(/unsafe|\*|https?:/);
  expect(page).not.toMatch(/\s(?:src|srcset|style|on[a-z]+)=|@import|url\(/);
  for (const [, href] of page.matchAll(/href="([^"]*)"/g)) expect(href).toMatch(/^\/(?!\/)/);
});

test("whatever a file is called, its name stays data: it ends no element and comes back whole", () => {
  const anyText = fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 })
    .map((units) => String.fromCharCode(...units));
  fc.assert(
    fc.property(anyText, fc.constantFrom("</script><script>", "<!--", "]]>", "\u2028", ""), (text, nasty) => {
      const told = { ...known, files: [{ name: `${text}${nasty}`, url: "/journal/0" }] };
      const page = renderPage("", told);
      expect(page.match(/<\/?script/g)).toHaveLength(4);
      expect(JSON.parse(/id="known">([\s\S]*?)<\/script>/.exec(page)?.[1] ?? "")).toEqual(told);
    }),
    { numRuns: 100 },
  );
});
