/** How fast the page is in Chromium with a thousand engines and ten thousand workflows that are open at once. */

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { gpuKinds } from "../src/catalogue/gpus.ts";
import { knownModels } from "../src/catalogue/models.ts";
import { shippedCalibration } from "../src/cost/shipped-calibration.ts";
import { createJournalWriter } from "../src/journal/append.ts";
import type { Cluster } from "../src/model/cluster.ts";
import { gigabytes } from "../src/model/units.ts";
import type { ModelStage, Workflow } from "../src/model/workflow.ts";
import { policies } from "../src/policy/policies.ts";
import { simulate } from "../src/sim/simulate.ts";
import { serveViewer } from "../src/view/serve-viewer.ts";
import { launch } from "../test/view/browser.ts";

const engines = 1000;
const workflows = 10_000;

export async function benchPage(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "fate-bench-page-"));
  try {
    const file = join(folder, "large.ndjson");
    const records = writeLarge(file);
    const say = (text: string): void => void process.stdout.write(`${text}\n`);
    say(
      `${engines} engines, ${workflows} workflows open at once, ${records} records, ${(statSync(file).size / 1e6).toFixed(0)} MB`,
    );
    await using viewer = await serveViewer({ files: [file], port: 0 });
    // The script is put together at the first request; installed from the package it lies ready.
    await (await fetch(viewer.url)).text();
    const browser = await launch();
    try {
      const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
      await page.goto(viewer.url);
      const begunMs = performance.now();
      const paintMs = await page.evaluate(
        "new Promise((done) => setTimeout(() => done(performance.getEntriesByName('first-contentful-paint')[0]?.startTime), 500))",
      );
      say(`first paint             ${Number(paintMs).toFixed(0)} ms`);
      await page.getByText(`Workflows (${workflows})`).waitFor({ timeout: 300_000 });
      await page.getByText("being read").waitFor({ state: "hidden", timeout: 300_000 });
      say(`all of it read          ${((performance.now() - begunMs) / 1000).toFixed(1)} s`);
      await page.locator("#scrub").fill("500000");
      await page.waitForTimeout(2000);
      for (const [what, act] of gestures) say(`${what.padEnd(24)}${await measureFrames(page, () => act(page))}`);
    } finally {
      await browser.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const gestures: readonly (readonly [string, (page: Page) => Promise<void>])[] = [
  ["panning by key", (page) => press(page, "ArrowLeft", 60)],
  ["zooming by key", (page) => press(page, "+", 20)],
  ["scrolling engines", (page) => wheel(page, "#chart", 60)],
  ["scrolling workflows", (page) => wheel(page, "#list", 60)],
  ["choosing workflows", (page) => press(page, "j", 30)],
  ["choosing stages: why", (page) => press(page, "n", 3)],
  ["stepping by record", (page) => press(page, ".", 40)],
];

async function press(page: Page, key: string, times: number): Promise<void> {
  for (let time = 0; time < times; time++) await page.keyboard.press(key);
}

async function wheel(page: Page, selector: string, times: number): Promise<void> {
  await page.locator(selector).hover();
  for (let time = 0; time < times; time++) await page.mouse.wheel(0, 120);
}

/** What the main thread was busy with, one frame after another, while something was done. */
async function measureFrames(page: Page, act: () => Promise<void>): Promise<string> {
  await page.evaluate(`
    globalThis.frames_ = [];
    globalThis.watching_ = true;
    let last = performance.now();
    const tick = () => {
      const now = performance.now();
      globalThis.frames_.push(now - last);
      last = now;
      if (globalThis.watching_) requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  `);
  await act();
  await page.waitForTimeout(300);
  const frames = (await page.evaluate("globalThis.watching_ = false; globalThis.frames_")) as number[];
  frames.sort((left, right) => left - right);
  const at = (share: number): string =>
    (frames[Math.min(frames.length - 1, Math.floor(share * frames.length))] ?? 0).toFixed(0);
  return `frames: median ${at(0.5)} ms, 95th percentile ${at(0.95)} ms, longest ${at(1)} ms, of ${frames.length}`;
}

function writeLarge(file: string): number {
  const cluster = largeCluster();
  const models = knownModels.filter(({ id }) => id === "llama-3.1-8b");
  const header = {
    kind: "journal",
    version: 1,
    seed: 1,
    policy: "round-robin",
    workload: "large",
    cluster,
    models,
    calibration: shippedCalibration,
  } as const;
  using writer = createJournalWriter(file, header);
  let records = 0;
  simulate({
    workflows: Array.from({ length: workflows }, (_, index) => flow(index)),
    cluster,
    models,
    seed: 1,
    policy: policies["round-robin"],
    onEvent: (event) => {
      records += 1;
      writer.write(event);
    },
  });
  return records;
}

/** Four calls in a diamond, long enough for all workflows to be open at once. */
function flow(index: number): Workflow {
  const call = (id: string, parents: readonly string[]): ModelStage => ({
    id,
    kind: "llm",
    model: "llama-3.1-8b",
    parents: parents.map((stage) => ({ stage, bytes: 1000 })),
    priority: 0,
    prompt: [
      { kind: "text", key: `system ${index % 7}`, tokens: 500 },
      { kind: "own", tokens: 300 },
    ],
    output: { estimate: 400, actual: 300 + (index % 11) * 20, limit: 1000 },
    items: 1,
  });
  const stages = [call("plan", []), call("left", ["plan"]), call("right", ["plan"]), call("join", ["left", "right"])];
  return {
    id: `flow-${index}`,
    arrivalUs: index * 100,
    reveal: "static",
    stages,
    deadlineUs: 60_000_000 + index * 1000,
  };
}

function largeCluster(): Cluster {
  const names = Array.from({ length: engines }, (_, index) => String(index).padStart(4, "0"));
  return {
    id: "large",
    gpus: gpuKinds,
    hosts: [
      {
        id: "host",
        loadBytesPerSecond: gigabytes(10),
        loadLatencyUs: 800_000,
        localBytesPerSecond: gigabytes(20),
        localLatencyUs: 10,
        nicBytesPerSecond: gigabytes(20),
      },
    ],
    devices: names.map((name) => ({ id: `gpu-${name}`, host: "host", gpu: "h100-80g" })),
    links: [],
    zones: [],
    engines: names.map((name) => ({
      id: `engine-${name}`,
      devices: [`gpu-${name}`],
      role: "both" as const,
      batching: { kind: "exclusive", maxSequences: 8 } as const,
      resident: ["llama-3.1-8b"],
      maxResident: 1,
      memoryShare: 0.9,
      labels: [],
    })),
  };
}
