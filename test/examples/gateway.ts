/** The gateway as it comes, its emulated engines a thousand times as fast as their GPUs, with a journal to look at. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createChecker } from "../../src/check/check.ts";
import { embeddedText } from "../../src/gateway/config/embedded.ts";
import { parseConfig } from "../../src/gateway/config/parse-config.ts";
import { startGateway } from "../../src/gateway/start-gateway.ts";
import { openJournal } from "../../src/journal/read.ts";
import type { JournalEvent } from "../../src/model/event.ts";

export type Tried = {
  readonly url: string;
  /** Ends the gateway: what its journal says, and what laws it breaks. */
  readonly end: () => Promise<{ readonly events: readonly JournalEvent[]; readonly violations: readonly object[] }>;
};

export async function tryGateway(more = ""): Promise<Tried> {
  const folder = mkdtempSync(join(tmpdir(), "fate-examples-"));
  const path = join(folder, "journal.ndjson");
  const text = `${embeddedText.replaceAll("speed: 20", "speed: 1000")}
listen: { port: 0 }
store: { kind: memory }
log: { level: silent }
journal: { path: ${JSON.stringify(path)} }
${more}`;
  const gateway = await startGateway(parseConfig(text, "test"));
  return {
    url: gateway.url,
    end: async () => {
      await gateway[Symbol.asyncDispose]();
      try {
        return await readJournal(path);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  };
}

async function readJournal(path: string): Promise<Awaited<ReturnType<Tried["end"]>>> {
  const journal = await openJournal(path);
  const checker = createChecker(journal.header);
  const events: JournalEvent[] = [];
  for await (const event of journal.events) {
    checker.see(event);
    events.push(event);
  }
  return { events, violations: checker.end() };
}
