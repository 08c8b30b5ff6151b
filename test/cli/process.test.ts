import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { fate } from "./support.ts";

const node = "node_modules/.bin/node";

test("Ctrl-C, which npm passes on as well, ends a comparison with 130 and leaves no file behind", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fate-process-"));
  const words = [
    "compare",
    "--generate",
    "montage",
    "--count",
    "300",
    "--rate",
    "10",
    "--out",
    join(folder, "out.json"),
  ];
  const child = spawn(node, ["src/cli/main.ts", ...words], { stdio: ["ignore", "ignore", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let notes = "";
  child.stderr.on("data", (data: Buffer) => (notes += data.toString()));
  await untilItWorks(child.pid ?? 0);
  child.kill("SIGINT");
  await setTimeout(5);
  child.kill("SIGINT");
  const [code] = (await once(child, "exit")) as [number];
  expect(notes).toBe("fate: interrupted\n");
  expect(code).toBe(130);
  expect(readdirSync(folder)).toEqual([]);
  rmSync(folder, { recursive: true });
});

test("a reader that closes early is no fault", async () => {
  const child = spawn("sh", ["-c", `${node} src/cli/main.ts trace generate montage --count 20 | head -c 100`], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let notes = "";
  child.stderr.on("data", (data: Buffer) => (notes += data.toString()));
  child.stdout.resume();
  await once(child, "exit");
  expect(notes).toBe("");
});

test("outside a clone, results of a benchmark go to a folder of the user's", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fate-process-"));
  const child = spawn(resolve(node), [resolve("src/cli/main.ts"), "bench", "--help"], { cwd: folder });
  let help = "";
  child.stdout.on("data", (data: Buffer) => (help += data.toString()));
  await once(child, "close");
  expect(help).toContain("finished cells meanwhile; results unless said");
  rmSync(folder, { recursive: true });
  expect((await fate("bench", "--help")).out).toContain("finished cells meanwhile; docs/results unless said");
});

/** Until the process has worker threads, as Linux tells; for two seconds where nobody tells. */
async function untilItWorks(pid: number): Promise<void> {
  const threads = `/proc/${pid}/task`;
  for (let looks = 0; looks < 2000; looks++) {
    await setTimeout(10);
    if (!existsSync(threads)) return setTimeout(2000);
    const names = readdirSync(threads).map((id) => nameOf(join(threads, id, "comm")));
    if (names.includes("WorkerThread\n")) return;
  }
}

/** Of a thread; none if it is gone by now. */
function nameOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (!existsSync(path)) return "";
    throw error;
  }
}
