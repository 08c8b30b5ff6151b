/** A table, as text for a terminal and as Markdown for a page. */

export type Table = {
  readonly columns: readonly { readonly heading: string; readonly align: "left" | "right" }[];
  readonly rows: readonly (readonly string[])[];
};

/** Columns two blanks apart; no line ends in blanks. `paint` dresses the whole line of a row. */
export function renderText(table: Table, paint: (line: string, row: number) => string = (line) => line): string {
  const { columns, rows } = table;
  const widths = widthsOf(table);
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align }, index) => {
        const cell = cells[index] ?? "";
        const width = widths[index] ?? 0;
        return align === "left" ? cell.padEnd(width) : cell.padStart(width);
      })
      .join(gap)
      .trimEnd();
  const head = line(columns.map(({ heading }) => heading));
  return [head, ...rows.map((cells, row) => paint(line(cells), row))].map((text) => `${text}\n`).join("");
}

/** Without the last columns if that is what it takes to fit the width; the first three always stay. */
export function fitColumns(table: Table, width: number): Table {
  const widths = widthsOf(table);
  let kept = widths.length;
  const total = (): number => widths.slice(0, kept).reduce((sum, own) => sum + own + gap.length, -gap.length);
  while (kept > 3 && total() > width) kept -= 1;
  return { columns: table.columns.slice(0, kept), rows: table.rows.map((row) => row.slice(0, kept)) };
}

const gap = "  ";

function widthsOf({ columns, rows }: Table): readonly number[] {
  return columns.map(({ heading }, index) => Math.max(heading.length, ...rows.map((row) => (row[index] ?? "").length)));
}

export function renderMarkdown({ columns, rows }: Table): string {
  const rule = columns.map(({ align }) => (align === "left" ? "---" : "---:"));
  return [columns.map(({ heading }) => heading), rule, ...rows].map(toMarkdownLine).join("");
}

function toMarkdownLine(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
}

const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** A bar of `share` (0 to 1) of `width` characters, to an eighth of a character. */
export function renderBar(share: number, width: number): string {
  const parts = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  return "█".repeat(Math.floor(parts / 8)) + (eighths[parts % 8] ?? "");
}
