/** Numbers by label, and how Prometheus reads them: text format 0.0.4. Costs a few map lookups a change, and no text until rendered. */

export type Counter = { value: number };
export type Histogram = {
  /** By bucket, not cumulative; the last one holds what is above all bounds. */
  readonly counts: number[];
  sum: number;
};

/** All series of one name. The same labels give the same cell. */
export type Family<Cell> = {
  readonly at: (...labels: readonly string[]) => Cell;
  readonly render: () => string;
};

/** Families that are rendered one after another. */
export type Section = { readonly families: readonly Pick<Family<object>, "render">[] };

export type FamilyShape = {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  /** Divides what was added: 1e6 for microseconds under a name in seconds. */
  readonly scale?: number;
};

/** Different values that one label of one family takes; whatever comes after them is `other`. */
export const maxLabelValues = 100;
/** Longer label values are cut. */
const maxLabelCharacters = 128;

export function createCounters(shape: FamilyShape): Family<Counter> {
  return createFamily(shape, "counter", emptyCounter, plainLines(shape.scale ?? 1));
}

export function createGauges(shape: FamilyShape): Family<Counter> {
  return createFamily(shape, "gauge", emptyCounter, plainLines(shape.scale ?? 1));
}

/** `bounds` are ascending and in the unit of the name, after scaling. */
export function createHistograms(
  shape: FamilyShape,
  bounds: readonly number[],
): Family<Histogram> & { readonly observe: (cell: Histogram, value: number) => void } {
  const scale = shape.scale ?? 1;
  const raw = bounds.map((bound) => bound * scale);
  const create = (): Histogram => ({ counts: Array.from({ length: bounds.length + 1 }, () => 0), sum: 0 });
  const observe = (cell: Histogram, value: number): void => {
    let bucket = 0;
    while (bucket < raw.length && value > (raw[bucket] as number)) bucket += 1;
    cell.counts[bucket] = (cell.counts[bucket] as number) + 1;
    cell.sum += value;
  };
  return { ...createFamily(shape, "histogram", create, histogramLines(bounds, scale)), observe };
}

type Lines<Cell> = (name: string, labels: string, cell: Cell) => string;

/** Nested maps, a level a label: nothing is joined or escaped to find a cell. */
type Level<Cell> = Map<string, Level<Cell> | Cell>;

function createFamily<Cell extends object>(
  { name, help, labels = [] }: FamilyShape,
  type: string,
  create: () => Cell,
  lines: Lines<Cell>,
): Family<Cell> {
  const root: Level<Cell> = new Map();
  const seen = labels.map(() => new Map<string, string>());
  const cells: { readonly labels: string; readonly cell: Cell }[] = [];
  // A family without labels is there from the start, so that its rate is known from the first event on.
  const bare = create();
  if (labels.length === 0) cells.push({ labels: "", cell: bare });

  const known = (value: string, index: number): string => {
    const values = seen[index] as Map<string, string>;
    const before = values.get(value);
    if (before !== undefined) return before;
    if (values.size >= maxLabelValues) return "other";
    const clean = cleanLabel(value);
    values.set(value, clean);
    return clean;
  };
  const at = (...values: readonly string[]): Cell => {
    if (labels.length === 0) return bare;
    let level = root;
    const last = labels.length - 1;
    for (let index = 0; index < last; index++) {
      const value = known(values[index] as string, index);
      let next = level.get(value) as Level<Cell> | undefined;
      if (next === undefined) level.set(value, (next = new Map()));
      level = next;
    }
    const value = known(values[last] as string, last);
    let cell = level.get(value) as Cell | undefined;
    if (cell === undefined) {
      level.set(value, (cell = create()));
      cells.push({ labels: labelText(labels, values.map(known)), cell });
    }
    return cell;
  };
  const head = `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n`;
  return { at, render: () => head + cells.map((entry) => lines(name, entry.labels, entry.cell)).join("") };
}

function emptyCounter(): Counter {
  return { value: 0 };
}

function plainLines(scale: number): Lines<Counter> {
  return (name, labels, { value }) => `${name}${braced(labels)} ${value / scale}\n`;
}

function histogramLines(bounds: readonly number[], scale: number): Lines<Histogram> {
  const names = [...bounds.map(String), "+Inf"];
  return (name, labels, { counts, sum }) => {
    const prefix = labels === "" ? "" : `${labels},`;
    let total = 0;
    const buckets = names.map((bound, index) => {
      total += counts[index] as number;
      return `${name}_bucket{${prefix}le="${bound}"} ${total}\n`;
    });
    return `${buckets.join("")}${name}_sum${braced(labels)} ${sum / scale}\n${name}_count${braced(labels)} ${total}\n`;
  };
}

function braced(labels: string): string {
  return labels === "" ? "" : `{${labels}}`;
}

function labelText(names: readonly string[], values: readonly string[]): string {
  return names.map((name, index) => `${name}="${escapeLabel(values[index] as string)}"`).join(",");
}

/** Equal when rendered means equal here, so that no series is listed twice. */
function cleanLabel(value: string): string {
  const short = value.length > maxLabelCharacters ? `${value.slice(0, maxLabelCharacters - 1)}…` : value;
  // oxlint-disable-next-line no-control-regex -- control characters are what must go
  return short.toWellFormed().replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, "\ufffd");
}

/** Whatever a client may have written stays inside its quotes. Line ends are gone already. */
function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"');
}
