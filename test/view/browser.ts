/** Chromium, where there is one, and a page in it that tells of everything that goes wrong. */

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";

/** By the path of the shell; undefined where there is none, and then what needs it is skipped. */
export const chromiumPath = (process.env["PATH"] ?? "")
  .split(delimiter)
  .flatMap((folder) => ["chromium", "chromium-browser", "google-chrome"].map((name) => join(folder, name)))
  .find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

export function launch(): Promise<Browser> {
  return chromium.launch({
    ...(chromiumPath === undefined ? {} : { executablePath: chromiumPath }),
    args: ["--no-sandbox"],
  });
}

export type Watched = {
  readonly page: Page;
  /** Errors, whatever the console said, and addresses elsewhere than the page's own. */
  readonly troubles: readonly string[];
};

export async function openPage(
  browser: Browser,
  url: string,
  viewport = { width: 1280, height: 800 },
): Promise<Watched> {
  const page = await browser.newPage({ viewport });
  const troubles: string[] = [];
  page.on("console", (message) => void troubles.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => void troubles.push(`error: ${error.message}`));
  page.on("request", (request) => {
    const at = request.url();
    if (!at.startsWith(new URL(url).origin) && !at.startsWith("blob:")) troubles.push(`request: ${at}`);
  });
  await page.goto(url);
  return { page, troubles };
}
