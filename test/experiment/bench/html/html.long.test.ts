/** A report of real cells in a browser: it opens from the disk, asks nobody for anything, and stays within the screen. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fate } from "../../../cli/support.ts";
import { chromiumPath, launch } from "../../../view/browser.ts";

describe.skipIf(chromiumPath === undefined)("a report in Chromium", () => {
  const folder = mkdtempSync(join(tmpdir(), "fate-report-test-"));
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
    const small = ["--modes", "share-0.75", "--seeds", "1-2", "--policies", "heft-online,greedy-finish-sharded"];
    const { code } = await fate("bench", "prefix-reuse", ...small, "--workers", "2", "--out", folder);
    expect(code).toBe(0);
  }, 120_000);
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  test.each([
    ["light", 1280],
    ["dark", 1280],
    ["light", 390],
  ] as const)("%s, %i pixels wide", async (colorScheme, width) => {
    const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 } });
    const troubles: string[] = [];
    page.on("console", (message) => void troubles.push(message.text()));
    page.on("pageerror", (error) => void troubles.push(error.message));
    const url = pathToFileURL(join(folder, "prefix-reuse.html")).href;
    page.on("request", (request) => {
      if (request.url() !== url) troubles.push(request.url());
    });
    await page.goto(url);
    expect(await page.title()).toBe("prefix-reuse: fate bench");
    const ground = await page.evaluate("getComputedStyle(document.body).backgroundColor");
    expect(ground).toBe(colorScheme === "light" ? "rgb(251, 250, 247)" : "rgb(20, 22, 26)");
    expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    expect(await page.locator("figure svg rect").count()).toBeGreaterThan(100);
    expect(await page.locator("h2", { hasText: "Two policies over time" }).count()).toBe(1);
    expect(troubles).toEqual([]);
    await page.close();
  });
});
