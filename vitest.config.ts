import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitest/config";

/** Simulations leave much behind them that is short-lived. With room for it from the start, a tenth of all time is not spent on tidying up. */
const room = ["--max-semi-space-size=64", "--min-semi-space-size=16"];

/** Code that a test is over with soon is not worth the last of the compilers, which takes a seventh of all CPU time. */
const quick = [...room, "--no-turbofan"];

const setupFiles = ["test/support/compile-once.ts", "test/support/fixed-luck.ts"];

const gateFiles = { include: ["test/**/*.test.ts"], exclude: ["test/**/*.long.test.ts"] };

/** Files that say by an import that the gate goes through a part of them only. */
const begun = globSync(gateFiles.include, { ...gateFiles, cwd: import.meta.dirname }).filter((file) =>
  readFileSync(join(import.meta.dirname, file), "utf8").includes("/support/portion.ts"),
);

/** `gate` is what every change must pass within a minute; `long` goes through all of what the gate begins, and adds the wide random searches. */
export default defineConfig({
  test: {
    // By default one core is left idle.
    maxWorkers: "100%",
    // Node itself strips types and links modules, as it does for users: nothing is rewritten for tests, and calls between modules are as fast.
    // No test replaces a module, so that none need be parsed for it.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    // Nothing that is tested keeps state in a module, so that files can share a process, and what it has read and compiled.
    projects: [
      {
        test: {
          name: "gate",
          execArgv: quick,
          setupFiles,
          isolate: false,
          ...gateFiles,
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: "long",
          env: { WHOLE: "1" },
          execArgv: room,
          setupFiles,
          isolate: false,
          include: ["test/**/*.long.test.ts", ...begun],
          testTimeout: 240_000,
        },
      },
    ],
  },
});
