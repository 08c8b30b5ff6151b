import { defineConfig } from "vitest/config";

/** `gate` is what every change must pass within a minute; `long` adds the wide random searches. */
export default defineConfig({
  test: {
    // By default one core is left idle.
    maxWorkers: "100%",
    projects: [
      {
        test: {
          name: "gate",
          setupFiles: ["test/support/fixed-luck.ts"],
          // Nothing that is tested keeps state in a module, so that these many small files can share a process.
          isolate: false,
          include: ["test/**/*.test.ts"],
          exclude: ["test/**/*.long.test.ts"],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: "long",
          setupFiles: ["test/support/fixed-luck.ts"],
          include: ["test/**/*.long.test.ts"],
          testTimeout: 240_000,
        },
      },
    ],
  },
});
