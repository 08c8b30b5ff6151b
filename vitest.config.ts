import { defineConfig } from "vitest/config";

/** Nothing that is tested keeps state in a module, so files can share a process. */
const shared = { isolate: false } as const;

/** `gate` is what every change must pass within a minute; `long` adds the wide random searches. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared,
          name: "gate",
          include: ["test/**/*.test.ts"],
          exclude: ["test/**/*.long.test.ts"],
          testTimeout: 30_000,
        },
      },
      { test: { ...shared, name: "long", include: ["test/**/*.long.test.ts"], testTimeout: 240_000 } },
    ],
  },
});
