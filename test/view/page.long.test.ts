/** The page in Chromium: a live gateway, journals from files, exports, names that are hostile, and a telephone. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createWhatIf } from "../../src/cli/what-if.ts";
import { createAgent } from "../../src/demo/agent.ts";
import { createDemoConfig } from "../../src/demo/config.ts";
import { startGateway } from "../../src/gateway/start-gateway.ts";
import { encodeRecord } from "../../src/journal/append.ts";
import type { Journal } from "../../src/journal/journal.ts";
import { readJournal } from "../../src/journal/read.ts";
import { measure } from "../../src/measure/measure.ts";
import { serveViewer } from "../../src/view/serve-viewer.ts";
import type { TraceEvent } from "../../src/view/export/to-perfetto.ts";
import { cluster, dag, run } from "../support/build.ts";
import { chromiumPath, launch, openPage } from "./browser.ts";

const hostile = "<img src=x onerror=\"document.title='hit'\">";

function journalUnder(policy: "fate" | "round-robin"): Journal {
  const workflows = Array.from({ length: 12 }, (_, index) =>
    dag("plan -> a, b, c -> join", (id) => ({ model: id === "join" ? "phi-4-14.7b" : "llama-3.1-8b" }), {
      id: index === 3 ? hostile : `flow-${index}`,
      arrivalUs: index * 200_000,
      deadlineUs: 8_000_000,
    }),
  );
  return run({ workflows, cluster: cluster("h100 a100 h100"), policy });
}

const textOf = ({ header, events }: Journal): string => [header, ...events].map(encodeRecord).join("");

describe.skipIf(chromiumPath === undefined)("the page, in a Chromium (skipped where there is none in the PATH)", () => {
  const folder = mkdtempSync(join(tmpdir(), "fate-page-"));
  const [one, other] = [journalUnder("fate"), journalUnder("round-robin")];
  const files = {
    one: join(folder, "one.ndjson"),
    other: join(folder, "other.ndjson.gz"),
    torn: join(folder, "torn.ndjson"),
  };
  let browser: Browser;

  beforeAll(async () => {
    browser = await launch();
    writeFileSync(files.one, textOf(one));
    const text = textOf(other);
    // As the journal is written: several members, one behind another.
    writeFileSync(files.other, Buffer.concat([gzipSync(text.slice(0, 5000)), gzipSync(text.slice(5000))]));
    writeFileSync(files.torn, textOf(one).slice(0, -20_000));
  });

  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test("live: what happens is seen as it happens, and why is told as the journal has it", async () => {
    const path = join(folder, "live.ndjson");
    const config = createDemoConfig({ policy: "fate", seed: 1, speed: 40, journal: path });
    const asked = await (async () => {
      await using gateway = await startGateway(config, { write: () => {} });
      await using agent = createAgent({ url: gateway.url });
      const { page, troubles } = await openPage(browser, gateway.url);
      await page.getByText("● live").waitFor();
      const ask = (workflow: string, stage: string, parents: readonly string[], final: boolean): Promise<string> =>
        agent.ask({
          workflow,
          class: "agent",
          stage,
          parents,
          final,
          model: "llama-3.1-8b",
          embeds: false,
          messages: [{ role: "user", content: `${stage} of ${workflow}` }],
          outputTokens: 20,
          limitTokens: 0,
          signal: AbortSignal.timeout(60_000),
        });
      for (let index = 0; index < 5; index++) {
        await ask(`job-${index}`, "plan", [], false);
        await Promise.all(["a", "b"].map((stage) => ask(`job-${index}`, stage, ["plan"], false)));
        await ask(`job-${index}`, "write", ["a", "b"], true);
      }
      await page.getByText("Workflows (5)").waitFor();
      await page.locator("#list .row", { hasText: "default/job-4" }).click();
      await page.locator("#flow [data-stage='default/job-4/write']").first().click();
      const told = await chosenTerms(page);
      const engine = await page.locator("#why tr.chosen").getAttribute("data-engine");
      // Another policy: the stream ends, and the page begins anew by itself.
      await gateway.reload({ ...config, policy: "round-robin" });
      await page.getByText("policy round-robin").waitFor();
      await page.locator("#file").setInputFiles(files.one);
      await page.getByText("one.ndjson, seed 1").waitFor();
      await page.getByText("Back to live").click();
      await page.getByText("● live").waitFor();
      expect(troubles).toEqual([]);
      await page.close();
      return { told, engine };
    })();
    const { events } = await readJournal(path);
    const place = events.find((event) => event.kind === "stage-place" && event.stage === "default/job-4/write");
    const share = place?.kind === "stage-place" ? place.shares[0] : undefined;
    const { loadUs, transferUs, prefillUs, decodeUs, shardUs } = share?.cost ?? {
      loadUs: -1,
      transferUs: 0,
      prefillUs: 0,
      decodeUs: 0,
      shardUs: 0,
    };
    expect([asked.engine, asked.told.slice(1)]).toEqual([
      share?.engine,
      [loadUs, transferUs, prefillUs, decodeUs + shardUs],
    ]);
  });

  test("a gateway with keys shows nothing before it is given one", async () => {
    const config = createDemoConfig({ policy: "fate", seed: 1, speed: 40, journal: join(folder, "keys.ndjson") });
    const { generateKey, hashKey } = await import("../../src/gateway/config/keys.ts");
    const key = generateKey();
    await using gateway = await startGateway(
      { ...config, keys: [{ id: "me", sha256: hashKey(key), tenant: "default" }] },
      { write: () => {} },
    );
    const { page } = await openPage(browser, gateway.url);
    await page.getByText("This gateway asks for a key.").waitFor();
    expect(await page.content()).not.toContain("rtx-4090");
    await page.locator("#key").fill("wrong");
    await page.keyboard.press("Enter");
    await page.getByText("This gateway asks for a key.").waitFor();
    await page.locator("#key").fill(key);
    await page.keyboard.press("Enter");
    await page.getByText("● live").waitFor();
    await page.close();
  });

  test("the viewer: stepping, scrubbing, and why at any placement", async () => {
    await using viewer = await serveViewer({ files: [files.one], port: 0 });
    const { page, troubles } = await openPage(browser, viewer.url);
    await page.getByText("Workflows (12)").waitFor();
    await page.keyboard.press("Home");
    await page.getByText("Workflows (1)").waitFor();
    await page.keyboard.press("]");
    const first = one.events.find(({ kind }) => kind === "stage-place");
    if (first?.kind !== "stage-place") throw new Error("nothing was placed");
    await page.getByText(`record ${first.sequence} stage-place`).waitFor();
    expect((await chosenTerms(page)).slice(1, 4)).toEqual([
      first.shares[0]?.cost.loadUs,
      first.shares[0]?.cost.transferUs,
      first.shares[0]?.cost.prefillUs,
    ]);
    await page.keyboard.press(".");
    await page.getByText(`record ${first.sequence + 1}`).waitFor();
    await page.keyboard.press(",");
    await page.getByText(`record ${first.sequence} stage-place`).waitFor();
    await page.locator("#scrub").fill("500000");
    await page.keyboard.press("End");
    await page.keyboard.press("2");
    await page.locator("#engine-list .row").nth(2).waitFor();
    expect(await page.locator("#engine-list .row").count()).toBe(3);
    expect(troubles).toEqual([]);
    await page.close();
  });

  test("two journals side by side, dropped as files, one of them compressed", async () => {
    await using viewer = await serveViewer({ files: [], port: 0 });
    const { page, troubles } = await openPage(browser, viewer.url);
    await page.locator("#file").setInputFiles([files.one, files.other]);
    const rows = page.locator("#compare table").first().locator("tr");
    await page.getByText("Figures from the journals").waitFor();
    const [mine, theirs] = [measure(one), measure(other)];
    const cellsOf = (name: string): Promise<string[]> =>
      rows
        .filter({ has: page.locator("td", { hasText: new RegExp(`^${name}$`) }) })
        .locator("td")
        .allTextContents();
    expect((await cellsOf("loads")).slice(1, 3)).toEqual([String(mine.loads), String(theirs.loads)]);
    expect((await cellsOf("swaps")).slice(1, 3)).toEqual([String(mine.swaps), String(theirs.swaps)]);
    expect(await page.locator("#compare canvas").count()).toBe(2);
    await page.keyboard.press("e");
    const waiting = page.waitForEvent("download");
    await page.locator('[data-export="svg"]').click();
    const svg = readFileSync(await (await waiting).path(), "utf8");
    expect([...svg.matchAll(/font-weight="600">([^<]*)</g)].map(([, title]) => title)).toEqual([
      "fate (one.ndjson)",
      "round-robin (other.ndjson.gz)",
    ]);
    expect(troubles).toEqual([]);
    await page.close();
  });

  test("what breaks off is said to, and what was read is shown", async () => {
    await using viewer = await serveViewer({ files: [files.torn], port: 0 });
    const { page } = await openPage(browser, viewer.url);
    await page.getByText(/torn\.ndjson:\d+: found a torn line/).waitFor();
    await page.getByText("Workflows (12)").waitFor();
    await page.close();
  });

  test("exports are what they say they are", async () => {
    await using viewer = await serveViewer({ files: [files.one], port: 0, whatIf: createWhatIf() });
    const { page, troubles } = await openPage(browser, viewer.url);
    await page.getByText("Workflows (12)").waitFor();
    const save = async (what: string): Promise<string> => {
      await page.keyboard.press("e");
      const waiting = page.waitForEvent("download");
      await page.locator(`[data-export="${what}"]`).click();
      return readFileSync(await (await waiting).path(), "utf8");
    };
    const trace = JSON.parse(await save("perfetto")) as { readonly traceEvents: readonly TraceEvent[] };
    expect(trace.traceEvents.filter((event) => event.ph === "X" && event.cat === "workflow")).toHaveLength(12);
    const svg = await save("svg");
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    expect(svg).toContain("engine-2");
    expect((await save("workflows")).split("\r\n")).toHaveLength(1 + 12 + 1);
    expect((await save("stages")).split("\r\n")).toHaveLength(1 + 12 * 5 + 1);
    expect((await save("spans")).split("\r\n").length).toBeGreaterThan(100);
    await page.locator("#ask-what-if").click();
    await page.getByText(/Simulated, last 12 workflows: mean latency/).waitFor();
    expect(troubles).toEqual([]);
    await page.close();
  });

  test("of a journal that is dropped, a name that is markup is shown as text and does nothing", async () => {
    await using viewer = await serveViewer({ files: [], port: 0 });
    const { page, troubles } = await openPage(browser, viewer.url);
    await page.evaluate(`{
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([${JSON.stringify(textOf(one))}], "<b>dropped</b>.ndjson"));
      document.dispatchEvent(new DragEvent("drop", { dataTransfer }));
    }`);
    await page.getByText("<b>dropped</b>.ndjson, seed 1").waitFor();
    await page.locator("#list .row", { hasText: hostile }).click();
    await page.locator("#flow-title", { hasText: hostile }).waitFor();
    await page.locator("#flow [data-stage]").first().click();
    await page.locator("#why tr.chosen").waitFor();
    expect(await page.locator("img").count()).toBe(0);
    expect(await page.title()).toBe("Fate");
    expect(troubles).toEqual([]);
    await page.close();
  });

  test("what is painted anew while the pointer is down is chosen all the same", async () => {
    await using viewer = await serveViewer({ files: [files.one], port: 0 });
    const { page, troubles } = await openPage(browser, viewer.url);
    await page.getByText("Workflows (12)").waitFor();
    const row = page.locator("#list .row", { hasText: "flow-5" });
    const pressed = await row.elementHandle();
    await row.hover();
    await page.mouse.down();
    await page.locator("#filter").dispatchEvent("input");
    await pressed?.waitForElementState("hidden");
    await page.mouse.up();
    await page.locator("#flow-title", { hasText: "flow-5" }).waitFor();
    expect(troubles).toEqual([]);
    await page.close();
  });

  test("on a telephone nothing is wider than the screen, by keys everything can be reached, and night follows the system", async () => {
    await using viewer = await serveViewer({ files: [files.one], port: 0 });
    const { page } = await openPage(browser, viewer.url, { width: 390, height: 844 });
    await page.getByText("Workflows (12)").waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("n");
    await page.locator("#why tr.chosen").waitFor();
    expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    for (const view of ["2", "1"]) {
      await page.keyboard.press(view);
      expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    }
    const day = await page.evaluate("getComputedStyle(document.body).backgroundColor");
    await page.emulateMedia({ colorScheme: "dark" });
    expect(await page.evaluate("getComputedStyle(document.body).backgroundColor")).not.toBe(day);
    await page.keyboard.press("?");
    await page.getByText("one record back, one on").waitFor();
    await page.close();
  });
});

/** Wait, load, transfer, prefill, decode of the engine that was chosen, in microseconds. */
async function chosenTerms(page: Page): Promise<number[]> {
  const cells = page.locator("#why tr.chosen").first().locator("td[data-us]");
  await cells.first().waitFor();
  return (await cells.all()).reduce<Promise<number[]>>(
    async (sum, cell) => [...(await sum), Number(await cell.getAttribute("data-us"))],
    Promise.resolve([]),
  );
}
