/**
 * Builds the program as it is shipped into a folder of its own, so that it starts as it does for its users, and stays what it is while
 * the sources change.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type Built = Disposable & { /** The file that Node runs. */ readonly program: string };

export function buildProgram(): Built {
  const root = new URL("../..", import.meta.url).pathname;
  const folder = mkdtempSync(join(tmpdir(), "fate-built-"));
  const modules = join(root, "node_modules");
  execFileSync(join(modules, ".bin/tsc"), ["-p", "tsconfig.build.json", "--outDir", join(folder, "dist")], {
    cwd: root,
    stdio: "inherit",
  });
  symlinkSync(modules, join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  return {
    program: join(folder, "dist/cli/main.js"),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
