/** Writes the page's script next to the compiled modules, for the package: `node src/view/build-page.ts`. */

import { mkdir, writeFile } from "node:fs/promises";
import { bundlePage } from "./page-script.ts";

const target = new URL("../../dist/view/", import.meta.url);
await mkdir(target, { recursive: true });
await writeFile(new URL("page.js", target), await bundlePage());
