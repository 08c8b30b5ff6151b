/** Reads a table with a header line, plain or gzipped. Fields hold no commas or quotes in the sources that are read here. */

import { InputError, showFound } from "../trace/input-error.ts";
import { readText } from "../trace/read-text.ts";

export type CsvRow = {
  readonly line: number;
  /** The field of a column; the empty text where the line is short. */
  readonly text: (column: string) => string;
  /** A field that must be a number of at least `least`. */
  readonly number: (column: string, least: number) => number;
  /** The same by position, for tables without names. */
  readonly at: (position: number, least: number) => number;
};

/** Columns that are asked for must be in the header; a line may not have more fields than the header. */
export function readCsv(file: string, columns: readonly string[]): readonly CsvRow[] {
  return parseCsv(file, readText(file), columns);
}

export function parseCsv(file: string, text: string, columns: readonly string[]): readonly CsvRow[] {
  const lines = text.split(/\r?\n/);
  const header = (lines[0] ?? "").split(",").map((name) => name.trim());
  for (const column of columns) {
    if (!header.includes(column)) {
      throw new InputError(file, "line 1", showFound(lines[0]), `a header with the column ${column}`);
    }
  }
  const rows: CsvRow[] = [];
  for (const [index, line] of lines.entries()) {
    if (index > 0 && line.trim() !== "") rows.push(toRow(file, header, line, index + 1));
  }
  return rows;
}

function toRow(file: string, header: readonly string[], line: string, number: number): CsvRow {
  const fields = line.split(",");
  if (fields.length > header.length) {
    throw new InputError(file, `line ${number}`, `${fields.length} fields`, `at most the header's ${header.length}`);
  }
  const toNumber = (found: string, name: string, least: number): number => {
    const value = found === "" ? Number.NaN : Number(found);
    if (Number.isFinite(value) && value >= least) return value;
    throw new InputError(file, `line ${number}, ${name}`, showFound(found), `a number of at least ${least}`);
  };
  const text = (column: string): string => (fields[header.indexOf(column)] ?? "").trim();
  return {
    line: number,
    text,
    number: (column, least) => toNumber(text(column), column, least),
    at: (position, least) => toNumber((fields[position] ?? "").trim(), `field ${position + 1}`, least),
  };
}
