/** The journal in the store, as whoever plans next reads it: each segment by itself is a journal, and obeys the laws. */

import { createChecker } from "../../check/check.ts";
import { JournalParser } from "../../journal/parse.ts";
import type { Store } from "../../store/store.ts";
import type { Report } from "./report.ts";

export async function checkSegments(store: Store, report: Report): Promise<number> {
  const segments = await store.listSegments();
  for (const { segment, blocks } of segments) {
    // Begun by one that was killed then.
    if (blocks === 0) continue;
    const name = `segment ${segment}`;
    const parser = new JournalParser(name);
    let checker: ReturnType<typeof createChecker> | undefined;
    try {
      for (let index = 0; index < blocks; index++) {
        const lines = await store.readBlock(segment, index);
        parser.feed(lines ?? "", (event) => {
          checker ??= parser.header === undefined ? undefined : createChecker(parser.header);
          checker?.see(event);
        });
      }
      parser.end();
    } catch (error) {
      report("journal", `${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
    for (const { law, sequence, message } of checker?.end() ?? [])
      report("journal", `${name}: record ${sequence}: ${law}: ${message}`);
  }
  return segments.length;
}
