/** Whatever the reader is fed, it returns records or a `JournalError`; and the checker survives whatever the reader lets pass. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { check } from "../../src/check/check.ts";
import { measure } from "../../src/measure/measure.ts";
import { encodeRecord } from "../../src/journal/append.ts";
import type { Journal } from "../../src/journal/journal.ts";
import { JournalError } from "../../src/journal/journal-error.ts";
import { parseJournal } from "../../src/journal/parse.ts";
import { parseChunks } from "../../src/journal/read.ts";
import { wildRuns } from "../check/wild.ts";
import { portionOf } from "../support/portion.ts";

const journals = Object.values(wildRuns).map((make) => make(1, 3));
const texts = journals.map(({ header, events }) => [header, ...events].map(encodeRecord).join(""));

/** The journal, or undefined if it is refused; anything else fails. */
function tryParse(text: string): Journal | undefined {
  try {
    return parseJournal(text, "fuzz");
  } catch (error) {
    if (error instanceof JournalError) return undefined;
    throw error;
  }
}

const anyText = fc.oneof(
  fc.string(),
  fc.json(),
  fc.array(fc.json()).map((parts) => parts.join("\n")),
);

test("arbitrary text", () => {
  fc.assert(
    fc.property(anyText, (text) => tryParse(text) === undefined),
    { numRuns: portionOf(500) },
  );
});

test("arbitrary bytes", async () => {
  const property = fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
    await expect(parseChunks("fuzz", one(bytes))).rejects.toThrow(JournalError);
  });
  await fc.assert(property, { numRuns: portionOf(200) });
});

test("journals with pieces of text cut out and put in", () => {
  const spoilt = fc
    .record({
      which: fc.nat(texts.length - 1),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      cut: fc.nat(40),
      put: anyText,
    })
    .map(({ which, at, cut, put }) => {
      const text = texts[which] ?? "";
      const from = Math.floor(at * text.length);
      return text.slice(0, from) + put + text.slice(from + cut);
    });
  fc.assert(
    fc.property(spoilt, (text) => {
      examine(tryParse(text));
    }),
    { numRuns: portionOf(150) },
  );
});

test("records with other values in their fields", () => {
  const value = fc.oneof(
    fc.integer(),
    fc.double(),
    fc.string(),
    fc.constantFrom(null, true, [], {}, "engine-0", "w0/s0-0", "w1", 0, 1),
  );
  const spoilt = fc
    .record({
      which: fc.nat(journals.length - 1),
      at: fc.nat(),
      field: fc.nat(),
      value,
      sort: fc.constantFrom("set", "drop", "twice"),
    })
    .map(({ which, at, field, value: put, sort }) => {
      const { header, events } = journals[which] as Journal;
      const index = at % events.length;
      const event = events[index] as object;
      const name = Object.keys(event)[field % Object.keys(event).length] ?? "";
      const changed: object[] = sort === "set" ? [{ ...event, [name]: put }] : sort === "drop" ? [] : [event, event];
      const others = events.toSpliced(index, 1, ...(changed as never[]));
      // Positions are put right, so that more gets past the reader.
      const numbered = others.map((other, position) =>
        name === "sequence" ? other : { ...other, sequence: position + 1 },
      );
      return [header, ...numbered].map((record) => encodeRecord(record as never)).join("");
    });
  fc.assert(
    fc.property(spoilt, (text) => {
      examine(tryParse(text));
    }),
    { numRuns: portionOf(150) },
  );
});

/** What the reader lets pass may break laws, but neither the checker nor the measures break on it. */
function examine(journal: Journal | undefined): void {
  if (journal === undefined) return;
  expect(Array.isArray(check(journal))).toBe(true);
  expect(measure(journal).ended).toBeGreaterThanOrEqual(0);
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
