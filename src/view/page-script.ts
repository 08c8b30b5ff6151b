/**
 * The page's script as one text: made beforehand where Fate is installed from its package, and in a clone put together from the
 * sources when it is first asked for.
 */

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** Beside this file in the package; `npm run build` puts it there. */
const builtScript = new URL("./page.js", import.meta.url);
const source = new URL("./page/main.ts", import.meta.url);
const assertShim = new URL("./page/assert.ts", import.meta.url);

/** Reads or makes it once, at the first call; a failure is told to whoever asks, and the next one tries again. */
export function createPageScript(): () => Promise<string> {
  let script: Promise<string> | undefined;
  return () => {
    script ??= (existsSync(builtScript) ? readFile(builtScript, "utf8") : bundlePage()).catch((error: unknown) => {
      script = undefined;
      throw error;
    });
    return script;
  };
}

/** Modules and what they import, as one script for a browser. */
export async function bundlePage(): Promise<string> {
  // Not there where Fate is installed from its package.
  const { rolldown } = await import("rolldown");
  const bundle = await rolldown({
    input: fileURLToPath(source),
    platform: "browser",
    resolve: { alias: { "node:assert": fileURLToPath(assertShim) } },
    logLevel: "silent",
  });
  const { output } = await bundle.generate({ format: "iife", minify: true });
  await bundle.close();
  // Within an element of a document the text must not end it.
  return output[0].code.replaceAll("</script", String.raw`<\/script`).replaceAll("<!--", String.raw`<\!--`);
}
