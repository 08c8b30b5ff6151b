/** A gateway over engines that a test holds in its hands, and what must be true of it when all is over. */

import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { knownModels } from "../../../src/catalogue/models.ts";
import { createChecker } from "../../../src/check/check.ts";
import type { EngineOptions } from "../../../src/emulate/options.ts";
import { startEngine, type EmulatedEngine } from "../../../src/emulate/start-engine.ts";
import { parseConfig } from "../../../src/gateway/config/parse-config.ts";
import { startGateway, type Gateway } from "../../../src/gateway/start-gateway.ts";
import { openJournal } from "../../../src/journal/read.ts";
import type { JournalEvent } from "../../../src/model/event.ts";

export const model = "llama-3.2-1b";

/** An emulated engine with one small model; as fast as the machine unless told otherwise. */
export function engine(options: Partial<EngineOptions> = {}): Promise<EmulatedEngine> {
  const models = knownModels.filter(({ id }) => id === model);
  return startEngine({ models, gpu: "l4-24g", speed: Infinity, ...options });
}

export type Bench = AsyncDisposable & {
  readonly gateway: Gateway;
  readonly url: string;
  readonly port: number;
  /** The configuration with other settings, for a reload. */
  readonly config: (engines: readonly string[], settings?: string) => ReturnType<typeof parseConfig>;
  /** Resolves when nothing is open any more; a fault if something stays. */
  readonly idle: () => Promise<void>;
  /** Ends the gateway: its journal, which must obey all laws. */
  readonly end: () => Promise<readonly JournalEvent[]>;
  readonly log: readonly string[];
};

/** `engines`: entries of the configuration's list, in YAML's flow style. */
export async function openBench(
  engines: readonly string[],
  settings = "",
  env: Readonly<Record<string, string>> = {},
): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), "fate-http-"));
  const path = join(folder, "journal.ndjson");
  const config: Bench["config"] = (entries, more = settings) =>
    parseConfig(
      `engines:\n${entries.map((entry) => `  - ${entry}`).join("\n")}
listen: { port: 0 }
store: { kind: memory }
journal: { path: ${JSON.stringify(path)} }
planning: { inPlaceStages: 0, debounceMs: 0 }
${more}`,
      "test",
      env,
    );
  const log: string[] = [];
  const gateway = await startGateway(config(engines), { env, write: (line) => void log.push(line) });
  let ended = false;
  const end = async (): Promise<readonly JournalEvent[]> => {
    ended = true;
    await gateway[Symbol.asyncDispose]();
    try {
      return await readJournal(path);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
  return {
    gateway,
    url: gateway.url,
    port: gateway.port,
    config,
    log,
    idle: () => settle(gateway),
    end,
    [Symbol.asyncDispose]: async () => {
      if (!ended) await end();
    },
  };
}

/** The entry of an emulated engine. */
export function entryOf({ url }: { readonly url: string }, id: string, more = ""): string {
  return `{ id: ${id}, kind: emulated, url: "${url}", gpu: l4-24g, models: [${model}], resident: [${model}]${more} }`;
}

/** The entry of any server that speaks OpenAI's API. */
export function openEntryOf({ url }: { readonly url: string }, id: string, more = ""): string {
  return `{ id: ${id}, kind: openai, url: "${url}", gpu: l4-24g, models: [${model}]${more} }`;
}

/** Until all capacity is free again. Bounded, so that what is lost is a failure and not a hang. */
async function settle(gateway: Gateway): Promise<void> {
  for (let turns = 0; turns < 2000; turns++) {
    const { openCalls, waitingCalls, engines } = gateway.status();
    if (openCalls + waitingCalls === 0 && engines.every(({ queued, running }) => queued + running === 0)) return;
    await setTimeout(1);
  }
  assert.fail(`something stays open: ${JSON.stringify(gateway.status())}`);
}

async function readJournal(path: string): Promise<readonly JournalEvent[]> {
  const journal = await openJournal(path);
  const checker = createChecker(journal.header);
  const events: JournalEvent[] = [];
  for await (const event of journal.events) {
    checker.see(event);
    events.push(event);
  }
  assert.deepEqual(checker.end().slice(0, 5), []);
  return events;
}
