import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

const node = "node_modules/.bin/node";

test("Ctrl-C ends a comparison with 130 and leaves no file behind", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fate-process-"));
  const words = [
    "compare",
    "--generate",
    "montage",
    "--count",
    "3000",
    "--rate",
    "10",
    "--out",
    join(folder, "out.json"),
  ];
  const child = spawn(node, ["src/cli/main.ts", ...words], { stdio: ["ignore", "ignore", "pipe"] });
  let notes = "";
  child.stderr.on("data", (data: Buffer) => (notes += data.toString()));
  setTimeout(() => child.kill("SIGINT"), 900);
  const [code] = (await once(child, "exit")) as [number];
  expect(notes).toBe("fate: interrupted\n");
  expect(code).toBe(130);
  expect(readdirSync(folder)).toEqual([]);
  rmSync(folder, { recursive: true });
});

test("a reader that closes early is no fault", async () => {
  const child = spawn("sh", ["-c", `${node} src/cli/main.ts trace generate montage --count 200 | head -c 100`], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let notes = "";
  child.stderr.on("data", (data: Buffer) => (notes += data.toString()));
  child.stdout.resume();
  await once(child, "exit");
  expect(notes).toBe("");
});
