import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fate } from "./support.ts";

const readme = readFileSync("README.md", "utf8");
const folder = mkdtempSync(join(tmpdir(), "fate-readme-"));
afterAll(() => rmSync(folder, { recursive: true }));

const commands = [...readme.matchAll(/^npm run fate -- (.+)$/gm)].map((match) => match[1] as string);
const blocks = [...readme.matchAll(/^```yaml file=(\S+)\n([\s\S]*?)^```/gm)];
for (const [, name, text] of blocks) writeFileSync(join(folder, name as string), text as string);

test("the README has commands and a workload", () => {
  expect(commands.length).toBeGreaterThan(5);
  expect(blocks.length).toBe(1);
});

test("the workload in the README runs", async () => {
  const { code, notes } = await fate("simulate", join(folder, "agent.yaml"), "--policy", "greedy-finish", "--check");
  expect(code, notes).toBe(0);
});

/** Files that a command makes go to a folder of the test's own. */
const inFolder = (word: string): string =>
  /\.(ndjson|jsonl|json)$/.test(word) && !existsSync(word) ? join(folder, word) : word;

describe("commands, in their order", () => {
  test.each(commands)("npm run fate -- %s", async (line) => {
    const { code, out, notes } = await fate(...line.split(/\s+/).map(inFolder));
    expect(code, notes).toBe(0);
    expect(out + notes).not.toBe("");
  });
});

test("the program in the README runs", () => {
  const [, program = ""] = /^```ts\n([\s\S]*?)^```/m.exec(readme) ?? [];
  const path = join(folder, "program.ts");
  writeFileSync(path, program.replace('"fate"', JSON.stringify(resolve("src/index.ts"))));
  const out = execFileSync("node_modules/.bin/node", [path], { encoding: "utf8" });
  expect(out).toMatch(/^\d+ \[\]\n$/);
});

test("every file that the README names is there", () => {
  for (const [, path] of readme.matchAll(/\]\((?!http)([^)#]+)\)/g))
    expect(existsSync(path as string), path).toBe(true);
});

test("every npm script that the README names is there", () => {
  const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as { scripts: Record<string, string> };
  for (const [, name] of readme.matchAll(/npm (?:run )?(start|test|check|build|fate)\b/g))
    expect(Object.keys(scripts)).toContain(name);
});
