/** A journal line by line: the header, then records whose shape, positions and times are right, or an error that says where. */

import type { EventKind, JournalEvent } from "../model/event.ts";
import { findDangling, headerFields } from "./header-fields.ts";
import { journalVersion, type Journal, type JournalHeader } from "./journal.ts";
import { JournalError, showValue } from "./journal-error.ts";
import { recordFields } from "./record-fields.ts";
import { findFieldFault, isObject, required, text, whole, type Fault, type Fields } from "./shape.ts";

/** A line longer than this is no record: reading on would only fill memory. */
export const longestLine = 64 * 1024 * 1024;

const stamp: Fields = { kind: required(text), atUs: required(whole), sequence: required({ type: "whole", least: 1 }) };

const fieldsOfKind: ReadonlyMap<string, Fields> = new Map(
  (Object.keys(recordFields) as EventKind[]).map((kind) => [kind, { ...stamp, ...recordFields[kind] }]),
);

/** Parses a whole journal held as text. */
export function parseJournal(content: string, file = "journal"): Journal {
  const parser = new JournalParser(file);
  const events: JournalEvent[] = [];
  parser.feed(content, (event) => events.push(event));
  return { header: parser.end(), events };
}

/** Takes text in pieces of any size and hands on each record once its line is complete. */
export class JournalParser {
  readonly #file: string;
  #line = 0;
  #rest = "";
  #lastUs = 0;
  #header: JournalHeader | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  /** Present once the first line has been fed. */
  get header(): JournalHeader | undefined {
    return this.#header;
  }

  /** Complete lines so far. */
  get line(): number {
    return this.#line;
  }

  feed(piece: string, onEvent: (event: JournalEvent) => void): void {
    let from = 0;
    for (let end = piece.indexOf("\n"); end >= 0; end = piece.indexOf("\n", from)) {
      const line = this.#rest + piece.slice(from, end);
      this.#rest = "";
      from = end + 1;
      this.#line += 1;
      if (this.#header === undefined) this.#header = this.#parseHeader(line);
      else onEvent(this.#parseEvent(line));
    }
    this.#rest += piece.slice(from);
    if (this.#rest.length > longestLine) this.fail({ found: "a line without an end", expected: "a record a line" }, 1);
  }

  /** To be called at the end of the text. A last line without its end was torn off while it was written. */
  end(): JournalHeader {
    if (this.#rest !== "")
      this.fail({ found: `a torn line ${showValue(this.#rest)}`, expected: "a record and the end of its line" }, 1);
    if (this.#header === undefined) this.fail({ found: "nothing", expected: "the header of a journal" }, 1);
    return this.#header;
  }

  fail({ found, expected }: Fault, ahead = 0): never {
    throw new JournalError(this.#file, this.#line + ahead, found, expected);
  }

  #parseObject(line: string, what: string): Readonly<Record<string, unknown>> {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      this.fail({ found: line === "" ? "an empty line" : showValue(line), expected: `${what} as JSON` });
    }
    if (!isObject(value)) this.fail({ found: showValue(value), expected: `${what} as a JSON object` });
    return value;
  }

  #parseHeader(line: string): JournalHeader {
    const value = this.#parseObject(line, "the header of a journal");
    if (value["kind"] !== "journal")
      this.fail({ found: `kind ${showValue(value["kind"])}`, expected: 'a header, whose kind is "journal"' });
    if (value["version"] !== journalVersion)
      this.fail({ found: `format version ${showValue(value["version"])}`, expected: `version ${journalVersion}` });
    const fault = findFieldFault(headerFields, value, "");
    if (fault !== undefined) this.fail(fault);
    const header = value as JournalHeader;
    const dangling = findDangling(header);
    if (dangling !== undefined) this.fail(dangling);
    return header;
  }

  #parseEvent(line: string): JournalEvent {
    const value = this.#parseObject(line, "a record");
    const { kind } = value;
    const known = typeof kind === "string" ? fieldsOfKind.get(kind) : undefined;
    if (known === undefined) this.fail({ found: `kind ${showValue(kind)}`, expected: "a kind of docs/journal.md" });
    const fault = findFieldFault(known, value, "");
    if (fault !== undefined) this.fail({ found: fault.found, expected: `${fault.expected} in ${String(kind)}` });
    const event = value as JournalEvent;
    const sequence = this.#line - 2 + (this.#header?.firstSequence ?? 1);
    if (event.sequence !== sequence)
      this.fail({ found: `sequence ${event.sequence}`, expected: `sequence ${sequence}` });
    if (event.atUs < this.#lastUs)
      this.fail({ found: `atUs ${event.atUs}`, expected: `a time from ${this.#lastUs}, that of the line before` });
    this.#lastUs = event.atUs;
    return event;
  }
}
