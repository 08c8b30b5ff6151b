import { defineConfig } from "vitest/config";

/** `gate` is what every change must pass within a minute; `long` adds the wide random searches. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "gate",
          include: ["test/**/*.test.ts"],
          exclude: ["test/**/*.long.test.ts"],
          testTimeout: 30_000,
        },
      },
      { test: { name: "long", include: ["test/**/*.long.test.ts"], testTimeout: 240_000 } },
    ],
  },
});
