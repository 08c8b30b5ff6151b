/** A report as a list of parts: one description, which becomes a Markdown page with plots beside it, and an HTML file with them inside. */

import type { Drawing } from "../../view/draw/plot.ts";
import { toFigure } from "../../view/draw/to-figure.ts";
import { renderMarkdown, type Table } from "../table.ts";
import type { Ci95 } from "./bench-file.ts";

export type Report = {
  /** Names its files. */
  readonly name: string;
  readonly head: ReportHead;
  /** What it shows first, over all groups. */
  readonly overview: readonly Part[];
  /** Group by group. */
  readonly details: readonly Part[];
};

export type ReportHead = {
  /** What ran, and how figures are to be read. */
  readonly words: Words;
  readonly command: string;
  readonly facts: string;
};

export type Part =
  | { readonly kind: "heading"; readonly words: Words }
  | { readonly kind: "text"; readonly words: Words }
  | { readonly kind: "table"; readonly table: Table; readonly strips?: Strips }
  /** `about` stands for it where it cannot be seen; `source` is where it comes from, if not from what the report does. */
  | {
      readonly kind: "plot";
      readonly file: string;
      readonly about: string;
      readonly drawing: Drawing;
      readonly source?: Source;
    };

export type Source = Pick<ReportHead, "command" | "facts">;

/** A value for each row, to be drawn beside it where there can be drawings; `even` is where nothing differs. */
export type Strips = {
  readonly heading: string;
  readonly even: number;
  readonly values: readonly ({ readonly mean: number; readonly ci95: Ci95 } | undefined)[];
};

/** Text, and names of the code in it. */
export type Words = string | readonly (string | { readonly code: string })[];

export type Page = { readonly name: string; readonly text: string };

export function heading(words: Words): Part {
  return { kind: "heading", words };
}

export function text(words: Words): Part {
  return { kind: "text", words };
}

export function table(content: Table, strips?: Strips): Part {
  return { kind: "table", table: content, ...(strips === undefined ? {} : { strips }) };
}

export function plot(file: string, about: string, drawing: Drawing, source?: Source): Part {
  return { kind: "plot", file, about, drawing, ...(source === undefined ? {} : { source }) };
}

/** The page, and its plots. */
export function toPages({ name, head, overview, details }: Report): readonly Page[] {
  const parts = [...overview, ...details];
  const facts = `${head.facts} The cells, from which all of this can be computed again, are
in [${name}.json](${name}.json); [docs/benchmarks.md](../benchmarks.md) says what is measured and how.`;
  const blocks = [
    `# ${name}`,
    toMarkdown(head.words),
    `\`\`\`sh\n${head.command}\n\`\`\``,
    facts,
    ...parts.map(renderPart),
  ];
  return [
    { name: `${name}.md`, text: `${blocks.map((block) => block.trimEnd()).join("\n\n")}\n` },
    ...parts.flatMap((part) => (part.kind === "plot" ? [{ name: part.file, text: toFigure(part.drawing) }] : [])),
  ];
}

function renderPart(part: Part): string {
  switch (part.kind) {
    case "heading":
      return `## ${toMarkdown(part.words)}`;
    case "text":
      return toMarkdown(part.words);
    case "table":
      return renderMarkdown(part.table);
    case "plot":
      return `![${part.about}](${part.file})`;
  }
}

function toMarkdown(words: Words): string {
  return typeof words === "string"
    ? words
    : words.map((piece) => (typeof piece === "string" ? piece : `\`${piece.code}\``)).join("");
}
