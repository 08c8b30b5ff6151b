/**
 * `node src/llama/install.ts`: installs `node-llama-cpp` with this platform's CPU binary and none of its GPU variants (85 MB in
 * all), into a folder of its own. It needs the npm registry only: no compiler, no install scripts, no other download.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { libraryFolder } from "./load-library.ts";

/** Both packages are released together and must be of one version. */
const version = "3.22.1";

/** By Node's platform and architecture. */
const binaries: Readonly<Record<string, string>> = {
  "linux-x64": "linux-x64",
  "linux-arm64": "linux-arm64",
  "linux-arm": "linux-armv7l",
  "linux-riscv64": "linux-riscv64",
  "darwin-x64": "mac-x64",
  "darwin-arm64": "mac-arm64-metal",
  "win32-x64": "win-x64",
  "win32-arm64": "win-arm64",
};

const longestMs = 600_000;

process.exitCode = install(resolve(libraryFolder));

function install(folder: string): number {
  const platform = `${process.platform}-${process.arch}`;
  const binary = binaries[platform];
  if (binary === undefined) return fail(`node-llama-cpp has no binary for ${platform}`);
  const wanted = ["node-llama-cpp", `@node-llama-cpp/${binary}`];
  if (wanted.every((name) => readVersion(folder, name) === version)) {
    process.stdout.write(`node-llama-cpp ${version} is in ${libraryFolder}\n`);
    return 0;
  }
  mkdirSync(folder, { recursive: true });
  // The folder ignores itself, wherever it lies.
  writeFileSync(join(folder, ".gitignore"), "*\n");
  const dependencies = Object.fromEntries(wanted.map((name) => [name, version]));
  writeFileSync(join(folder, "package.json"), `${JSON.stringify({ private: true, dependencies }, null, 2)}\n`);
  const { status, error } = runNpm(folder);
  if (error !== undefined) return fail(`npm did not run: ${error.message}`);
  if (status !== 0) return fail(`npm ended with ${status ?? "a signal"}`);
  const missing = wanted.filter((name) => readVersion(folder, name) !== version);
  if (missing.length > 0) return fail(`npm reported success, but ${missing.join(" and ")} ${version} is not there`);
  process.stdout.write(`installed node-llama-cpp ${version} with ${wanted[1]} in ${libraryFolder}\n`);
  return 0;
}

/** GPU variants are optional dependencies, TypeScript a peer one; the install script would look for a compiler. */
function runNpm(folder: string): { readonly status: number | null; readonly error?: Error } {
  const flags = ["--omit=optional", "--legacy-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund"];
  return spawnSync("npm", ["install", ...flags, "--loglevel=error"], {
    cwd: folder,
    stdio: ["ignore", "inherit", "inherit"],
    timeout: longestMs,
    shell: process.platform === "win32",
  });
}

function readVersion(folder: string, name: string): string | undefined {
  const path = join(folder, "node_modules", name, "package.json");
  if (!existsSync(path)) return undefined;
  return (JSON.parse(readFileSync(path, "utf8")) as { version?: string }).version;
}

function fail(message: string): number {
  process.stderr.write(`fate: ${message}\n`);
  return 1;
}
