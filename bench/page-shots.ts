/** Takes the pictures of `docs/dashboard.md`: two simulated runs of one workload in the viewer, and a live gateway at work. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { createWhatIf } from "../src/cli/what-if.ts";
import { createAgent, type Agent } from "../src/demo/agent.ts";
import { createDemoConfig } from "../src/demo/config.ts";
import { startGateway } from "../src/gateway/start-gateway.ts";
import { serveViewer } from "../src/view/serve-viewer.ts";
import { launch } from "../test/view/browser.ts";

const images = fileURLToPath(new URL("../docs/images/", import.meta.url));
const command = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));
const desk = { width: 1280, height: 800 };
const telephone = { width: 390, height: 844 };

export async function takeShots(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "fate-shots-"));
  const browser = await launch();
  try {
    const files = ["fate", "round-robin"].map((policy) => {
      const file = join(folder, `${policy}.ndjson`);
      const workload = [
        "--generate",
        "rag,map-reduce,tree",
        "--count",
        "24",
        "--rate",
        "0.4",
        "--seed",
        "5",
        "--cluster",
        "hetero-8",
      ];
      execFileSync(process.execPath, [command, "simulate", ...workload, "--policy", policy, "--journal", file], {
        stdio: "ignore",
      });
      return file;
    });
    await shootViewer(browser, files);
    await shootLive(browser, join(folder, "live.ndjson"));
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function shootViewer(browser: Browser, files: readonly string[]): Promise<void> {
  await using one = await serveViewer({ files: files.slice(0, 1), port: 0, whatIf: createWhatIf() });
  const page = await browser.newPage({ viewport: desk });
  await page.goto(one.url);
  await page.getByText("Workflows (24)").waitFor();
  await page.locator("#ask-what-if").click();
  await page.getByText(/^Simulated, last/).waitFor({ timeout: 120_000 });
  await page.locator("#scrub").fill("420000");
  await page.locator("#scrub").blur();
  await page.locator("#list .row", { hasText: "rag" }).first().click();
  for (let stage = 0; stage < 3; stage++) await page.keyboard.press("n");
  await shoot(page, "run");
  await page.emulateMedia({ colorScheme: "dark" });
  await shoot(page, "night");
  await page.emulateMedia({ colorScheme: "light" });
  await page.keyboard.press("2");
  await shoot(page, "engines");
  await page.keyboard.press("1");
  await page.setViewportSize(telephone);
  await page.keyboard.press("Escape");
  await shoot(page, "phone");
  await page.close();
  await using both = await serveViewer({ files, port: 0 });
  const pair = await browser.newPage({ viewport: desk });
  await pair.goto(both.url);
  await pair.getByText("Figures from the journals").waitFor();
  await shoot(pair, "compare");
  await pair.close();
}

async function shootLive(browser: Browser, journal: string): Promise<void> {
  await using gateway = await startGateway(createDemoConfig({ policy: "fate", seed: 1, speed: 5, journal }), {
    whatIf: createWhatIf(),
    write: () => {},
  });
  await using agent = createAgent({ url: gateway.url });
  const page = await browser.newPage({ viewport: desk });
  await page.goto(gateway.url);
  const jobs = Array.from({ length: 24 }, (_, index) => runJob(agent, index).catch(() => {}));
  await page.waitForTimeout(14_000);
  await page.locator("#list .row").nth(1).click();
  await page.keyboard.press("n");
  await shoot(page, "live");
  await page.keyboard.press("4");
  await shoot(page, "connect");
  await page.close();
  await Promise.all(jobs);
}

const models = ["llama-3.1-8b", "phi-4-14.7b", "qwen2.5-32b"];

/** A plan, three readers, and a writer; jobs come one after the other. */
async function runJob(agent: Agent, index: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, index * 550));
  const workflow = `report-${index}`;
  const text = "You read closely and answer in short sentences. ".repeat(80);
  const ask = (stage: string, parents: readonly string[], which: number, outputTokens: number): Promise<string> =>
    agent.ask({
      workflow,
      class: "report",
      stage,
      parents,
      final: stage === "write",
      model: models[which % models.length] ?? "",
      embeds: false,
      messages: [{ role: "user", content: `${text} ${stage} ${index}` }],
      outputTokens,
      limitTokens: 0,
      signal: AbortSignal.timeout(60_000),
    });
  await ask("plan", [], index, 60);
  await Promise.all(["read-1", "read-2", "read-3"].map((stage) => ask(stage, ["plan"], index + 1, 140)));
  await ask("write", ["read-1", "read-2", "read-3"], index, 220);
}

/** Lists are painted at most twice a second. */
async function shoot(page: Page, name: string): Promise<void> {
  await page.waitForTimeout(900);
  await page.screenshot({ path: join(images, `dashboard-${name}.png`) });
}
