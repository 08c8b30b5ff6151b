import { createHash } from "node:crypto";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { renderPage } from "../../src/gateway/http/page.ts";
import type { EngineStatus, Status } from "../../src/gateway/status.ts";

const engine: EngineStatus = {
  id: "left",
  kind: "vllm",
  url: "http://127.0.0.1:8000",
  gpu: "h100-80g",
  up: true,
  models: ["small", "large"],
  resident: ["small"],
  loading: ["large"],
  queued: 2,
  running: 3,
  maxSequences: 64,
  kvTokens: 1500,
  kvCapacityTokens: 30_000,
  prefixTokens: 0,
  learned: {},
};
const status: Status = {
  policy: "fate",
  uptimeS: 12,
  openCalls: 5,
  waitingCalls: 2,
  openWorkflows: 1,
  journalBytes: 0,
  engines: [engine, { ...engine, id: "right", up: false, trouble: "does not answer", resident: [], loading: [] }],
};

test("the page asks nobody else for anything, and its policy allows its own script and style alone", () => {
  const page = renderPage(status, true);
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1]?.replaceAll("&#39;", "'");
  for (const [element, directive] of [
    ["style", "style-src"],
    ["script", "script-src"],
  ]) {
    const text = new RegExp(`<${element}>([\\s\\S]*?)</${element}>`).exec(page)?.[1] ?? "";
    const hash = createHash("sha256").update(text).digest("base64");
    expect(policy).toContain(`${directive} 'sha256-${hash}'`);
  }
  expect(policy).toContain("default-src 'none'");
  expect(page).not.toMatch(/\s(?:src|srcset|style|on[a-z]+)=|@import|url\(/);
  for (const [, href] of page.matchAll(/href="([^"]*)"/g)) expect(href).toMatch(/^\/(?!\/)/);
});

test("whatever the status says, it stays data: it ends no element and comes back whole", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }),
      fc.constantFrom("</script><script>", "<!--", "]]>", "\u2028", ""),
      (text, nasty) => {
        const id = `${text}${nasty}`;
        const page = renderPage({ ...status, engines: [{ ...engine, id, trouble: id }] }, true);
        expect(page.match(/<\/?script/g)).toHaveLength(4);
        expect(knownTo(page)).toEqual({
          open: true,
          status: JSON.parse(JSON.stringify({ ...status, engines: [{ ...engine, id, trouble: id }] })),
        });
      },
    ),
    { numRuns: 50 },
  );
});

test("where keys are asked for, the page says nothing of the engines", () => {
  const page = renderPage(status, false);
  expect(knownTo(page)).toEqual({ open: false });
  expect(page).not.toContain("h100-80g");
});

test("engines are shown with what they hold and do, whatever they are called", () => {
  const { browser } = open(
    renderPage({ ...status, engines: [{ ...engine, id: "<b>left</b>" }, ...status.engines.slice(1)] }, true),
  );
  const cards = browser.byId("engines").children;
  expect(cards.map((card) => card.text())).toEqual([
    "<b>left</b>uph100-80g, vllmsmall is loadedlarge is being loadedcalls3 running, 2 queuedKV1.5k of 30.0k tokens",
    "rightdownh100-80g, vllmdoes not answersmall is not loadedlarge is not loadedcalls3 running, 2 queuedKV1.5k of 30.0k tokens",
  ]);
  expect(browser.byId("summary").text()).toBe("Policy fate · 1 of 2 engines up · 1 workflow open · 5 calls, 2 waiting");
});

test("snippets name the address that the page came from, and a model that is there", () => {
  const { browser } = open(renderPage(status, true));
  const texts = browser.all("[data-origin]").map((element) => element.text());
  expect(texts).not.toHaveLength(0);
  for (const text of texts) expect(text).not.toMatch(/127\.0\.0\.1:7373|MODEL/);
  expect(texts).toContain("https://fate.example:444/v1");
  expect(texts.join("\n")).toContain('model: "small"');
});

test("without keys the page keeps asking for the status; a gateway that is gone is said to be", async () => {
  const { browser, fetched } = open(renderPage(status, true), [
    { status: 200, body: { ...status, policy: "round-robin" } },
    undefined,
  ]);
  await browser.settled();
  expect(browser.byId("summary").text()).toContain("Policy round-robin");
  await browser.tick();
  expect(browser.byId("summary").text()).toContain("does not answer");
  expect(fetched).toEqual([{ path: "/fate/status" }, { path: "/fate/status" }]);
  expect(browser.timers).toHaveLength(1);
});

test("with keys nothing is asked for before there is one; a wrong one is asked for again", async () => {
  const { browser, fetched } = open(renderPage(status, false), [{ status: 401 }, { status: 200, body: status }]);
  expect(browser.byId("gate").hidden).toBe(false);
  expect(fetched).toEqual([]);
  await browser.enterKey("wrong");
  expect(browser.byId("summary").text()).toBe("This gateway asks for a key.");
  expect(browser.timers).toEqual([]);
  await browser.enterKey("right");
  expect(browser.byId("gate").hidden).toBe(true);
  expect(browser.byId("engines").children).toHaveLength(2);
  expect(fetched).toEqual([
    { path: "/fate/status", authorization: "Bearer wrong" },
    { path: "/fate/status", authorization: "Bearer right" },
  ]);
});

function knownTo(page: string): unknown {
  return JSON.parse(/<script type="application\/json" id="known">([\s\S]*?)<\/script>/.exec(page)?.[1] ?? "");
}

type Answer = { readonly status: number; readonly body?: unknown } | undefined;
type Fetched = { readonly path: string; readonly authorization?: string };

/** Runs the page's script on the few parts of a browser that it uses. */
function open(page: string, answers: Answer[] = []): { readonly browser: Browser; readonly fetched: Fetched[] } {
  const fetched: Fetched[] = [];
  const browser = new Browser(page);
  const script = /<script>([\s\S]*?)<\/script>/.exec(page)?.[1] ?? "";
  runInNewContext(script, {
    document: browser.document,
    location: { origin: "https://fate.example:444" },
    navigator: {},
    AbortSignal: { timeout: () => undefined },
    setTimeout: (run: () => void) => browser.timers.push(run),
    clearTimeout: () => browser.timers.splice(0),
    fetch: (path: string, { headers }: { readonly headers: { readonly authorization?: string } }) => {
      const { authorization } = headers;
      fetched.push({ path, ...(authorization === undefined ? {} : { authorization }) });
      const answer = answers.shift();
      if (answer === undefined) return Promise.reject(new Error("gone"));
      return Promise.resolve({
        ok: answer.status === 200,
        status: answer.status,
        json: () => Promise.resolve(answer.body),
      });
    },
  });
  return { browser, fetched };
}

class FakeElement {
  children: FakeElement[] = [];
  hidden = false;
  value = "";
  className = "";
  readonly listeners = new Map<string, (event: { preventDefault(): void }) => void>();
  #text: string;

  constructor(text = "") {
    this.#text = text;
  }

  get textContent(): string {
    return this.text();
  }

  set textContent(text: string) {
    this.#text = text;
    this.children = [];
  }

  text(): string {
    return this.#text + this.children.map((child) => child.text()).join("");
  }

  append(...children: FakeElement[]): void {
    this.children.push(...children);
  }

  replaceChildren(...children: FakeElement[]): void {
    this.children = children;
  }

  setAttribute(): void {}

  addEventListener(kind: string, listener: (event: { preventDefault(): void }) => void): void {
    this.listeners.set(kind, listener);
  }
}

class Browser {
  readonly timers: (() => unknown)[] = [];
  readonly #byId = new Map<string, FakeElement>();
  readonly #originTexts: readonly FakeElement[];
  readonly document: object;

  constructor(page: string) {
    this.#byId.set("known", new FakeElement(JSON.stringify(knownTo(page))));
    for (const [, id = ""] of page.matchAll(/id="([^"]+)"/g))
      if (!this.#byId.has(id)) this.#byId.set(id, new FakeElement());
    this.#originTexts = [...page.matchAll(/data-origin[^>]*>([^<]*)</g)].map(([, text]) => new FakeElement(text));
    this.document = {
      visibilityState: "visible",
      body: new FakeElement(),
      getElementById: (id: string) => this.byId(id),
      querySelectorAll: (selector: string) => this.all(selector),
      createElement: () => new FakeElement(),
      addEventListener: () => {},
    };
  }

  byId(id: string): FakeElement {
    const found = this.#byId.get(id);
    if (found === undefined) throw new Error(`no element ${id}`);
    return found;
  }

  all(selector: string): readonly FakeElement[] {
    return selector === "[data-origin]" ? this.#originTexts : [];
  }

  /** All that was asked for has been answered. */
  async settled(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  }

  async tick(): Promise<void> {
    for (const run of this.timers.splice(0)) run();
    await this.settled();
  }

  async enterKey(key: string): Promise<void> {
    this.byId("key").value = key;
    this.byId("gate").listeners.get("submit")?.({ preventDefault: () => {} });
    await this.settled();
  }
}
