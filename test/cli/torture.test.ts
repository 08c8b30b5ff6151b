import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fate, fateOn } from "./support.ts";

test("one world is told of in a line, line by line if that is asked for, and as JSON that says what the line says", async () => {
  const plain = await fate("torture", "--seed", "3", "--gateways", "1");
  expect(plain.code, plain.out).toBe(0);
  expect(plain.out).toMatch(/^seed 3: \d+ workflows, \d+ calls, \d+ faults, \d+ steps, trace [0-9a-f]{16}\n$/);
  const traced = await fate("torture", "--seed", "3", "--gateways", "1", "--trace");
  expect(traced.out.endsWith(plain.out)).toBe(true);
  expect(traced.out.split("\n").length).toBeGreaterThan(100);
  const { out } = await fate("torture", "--seed", "3", "--gateways", "1", "--json");
  const told = JSON.parse(out) as { seed: number; steps: number; hash: string; violations: unknown[] };
  expect(told).toMatchObject({ seed: 3, violations: [] });
  expect(plain.out).toContain(` ${told.steps} steps, trace ${told.hash}\n`);
});

test("kinds of faults that are off do not happen", async () => {
  const { code, out } = await fate("torture", "--seed", "3", "--gateways", "1", "--most", "0", "--off", "crash,pause");
  expect(code, out).toBe(0);
  expect(out).toContain(" 0 faults,");
});

test("several worlds end in a table and a sentence, and in a page if one is asked for", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fate-torture-"));
  try {
    const page = join(folder, "torture.md");
    const { code, out } = await fate("torture", "--seeds", "1-2", "--gateways", "1", "--workers", "1", "--out", page);
    expect(code, out).toBe(0);
    expect(out).toMatch(/2 worlds, [\d,]+ faults, [\d,]+ steps: [\d.]+ s of simulated time .* No law was broken\.\n$/);
    const written = readFileSync(page, "utf8");
    expect(written).toContain("fate torture --seeds 1-2 --gateways 1\n");
    expect(written).toContain("| recorded-once |");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("an interrupted campaign says how far it came, claims nothing and writes no page", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fate-torture-"));
  try {
    const interrupt = new AbortController();
    const world = { signal: interrupt.signal, progress: () => interrupt.abort() };
    const words = ["--seeds", "1-50", "--gateways", "1", "--workers", "1", "--out", join(folder, "torture.md")];
    const { code, out, notes } = await fateOn(world, "torture", ...words);
    expect([code, out, notes]).toEqual([130, "", expect.stringMatching(/^fate: interrupted after \d+ worlds?\n$/)]);
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("what makes no sense together is refused", async () => {
  const { code, notes } = await fate("torture", "--seeds", "1", "--trace");
  expect(code).not.toBe(0);
  expect(notes).toContain("--trace and --most are for one --seed");
  expect((await fate("torture", "--off", "crahs")).notes).toContain("crash");
});
