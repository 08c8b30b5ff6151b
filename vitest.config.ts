import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitest/config";

/**
 * Threads and programs that tests start read the same hundreds of files, stripped of their types and compiled, from where the first of
 * them left what it made of them. Else that is most of what they cost.
 */
const env = { NODE_COMPILE_CACHE: join(import.meta.dirname, "node_modules/.cache/compiled") };

/** Simulations leave much behind them that is short-lived. With room for it, a tenth of all time is not spent on tidying up. */
const execArgv = ["--max-semi-space-size=64"];

const gateFiles = { include: ["test/**/*.test.ts"], exclude: ["test/**/*.long.test.ts"] };

/** Files that say by an import that the gate goes through a part of them only. */
const begun = globSync(gateFiles.include, gateFiles).filter((file) =>
  readFileSync(file, "utf8").includes("/support/portion.ts"),
);

/** `gate` is what every change must pass within a minute; `long` goes through all of what the gate begins, and adds the wide random searches. */
export default defineConfig({
  test: {
    // By default one core is left idle.
    maxWorkers: "100%",
    // Node itself strips types and links modules, as it does for users: nothing is rewritten for tests, and calls between modules are as fast.
    experimental: { viteModuleRunner: false },
    projects: [
      {
        test: {
          name: "gate",
          env,
          execArgv,
          setupFiles: ["test/support/fixed-luck.ts"],
          // Nothing that is tested keeps state in a module, so that these many small files can share a process.
          isolate: false,
          ...gateFiles,
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: "long",
          env: { ...env, WHOLE: "1" },
          execArgv,
          setupFiles: ["test/support/fixed-luck.ts"],
          include: ["test/**/*.long.test.ts", ...begun],
          testTimeout: 240_000,
        },
      },
    ],
  },
});
