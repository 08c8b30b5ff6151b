/**
 * Reads Prometheus' text format and OpenMetrics' as model servers write them. Only the names asked for are kept; a line that
 * cannot be read is counted and passed over, since one odd metric must not hide the others. Linear in the text.
 */

export type Sample = { readonly labels: ReadonlyMap<string, string>; readonly value: number };

export type Samples = {
  readonly byName: ReadonlyMap<string, readonly Sample[]>;
  /** Lines of wanted names that could not be read, or were too many. */
  readonly spoilt: number;
};

/** Samples of one name that are kept, at most. */
export const maxSamples = 4096;
/** A longer line cannot be read. */
export const maxLineCharacters = 65_536;

export function parsePrometheusText(text: string, names: readonly string[]): Samples {
  const byName = new Map(names.map((name): [string, Sample[]] => [name, []]));
  let spoilt = 0;
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf("\n", start);
    const end = newline === -1 ? text.length : newline;
    name.lastIndex = start;
    const samples = name.test(text) ? byName.get(text.slice(start, name.lastIndex)) : undefined;
    if (samples !== undefined) {
      const isLong = end - start > maxLineCharacters;
      const sample = isLong ? undefined : parseSample(text.slice(name.lastIndex, end));
      if (sample === undefined || samples.length === maxSamples) spoilt++;
      else samples.push(sample);
    }
    start = end + 1;
  }
  for (const [key, samples] of byName) if (samples.length === 0) byName.delete(key);
  return { byName, spoilt };
}

const name = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const label = /[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*(,|(?=\}))/y;
/** The value, then perhaps a time and, in OpenMetrics, an exemplar. */
const number =
  /^[ \t]*([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|[-+]?Inf(?:inity)?|NaN)(?:[ \t]+[-+\d.eE]+)?[ \t\r]*(?:#.*)?$/i;

/** What stands behind the name: labels and a value. */
function parseSample(rest: string): Sample | undefined {
  const labels = new Map<string, string>();
  let at = 0;
  while (rest[at] === " " || rest[at] === "\t") at++;
  if (rest[at] === "{") {
    at++;
    for (let goesOn = true; goesOn;) {
      label.lastIndex = at;
      const found = label.exec(rest);
      if (found === null) break;
      labels.set(found[1] ?? "", unescape(found[2] ?? ""));
      at = label.lastIndex;
      goesOn = found[3] === ",";
    }
    while (rest[at] === " " || rest[at] === "\t") at++;
    if (rest[at] !== "}") return undefined;
    at++;
  } else if (at === 0) {
    return undefined;
  }
  const written = number.exec(rest.slice(at))?.[1];
  return written === undefined ? undefined : { labels, value: toNumber(written) };
}

function unescape(written: string): string {
  return written.replaceAll(/\\(.)/g, (_, letter: string) => (letter === "n" ? "\n" : letter));
}

function toNumber(written: string): number {
  const infinite = /^([-+]?)inf/i.exec(written);
  if (infinite !== null) return infinite[1] === "-" ? -Infinity : Infinity;
  return /^nan$/i.test(written) ? NaN : Number(written);
}
