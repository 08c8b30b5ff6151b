/** What is wrong with a configuration, and where: steps from the top of the document. */

export type Path = readonly (string | number)[];

export type Fault = { readonly path: Path; readonly found: string; readonly expected: string };

export function fault(path: Path, found: string, expected: string): Fault {
  return { path, found, expected };
}

/** Refuses what was there before. */
export function* repeated(entries: Iterable<readonly [value: string, path: Path]>, expected: string): Generator<Fault> {
  const seen = new Set<string>();
  for (const [value, path] of entries) {
    if (seen.has(value)) yield fault(path, `${JSON.stringify(value)} again`, expected);
    seen.add(value);
  }
}

/** As messages show it: `engines[0].url`. */
export function showPath(path: Path): string {
  return path
    .map((step) => {
      if (typeof step === "number") return `[${step}]`;
      return /^[A-Za-z_$][\w$-]{0,60}$/.test(step) ? `.${step}` : `[${JSON.stringify(step.slice(0, 60))}]`;
    })
    .join("")
    .replace(/^\./, "");
}

/** Steps of a path that is written out so. */
export function readPath(text: string): Path {
  const steps: (string | number)[] = [];
  for (const [, name, index, quoted] of text.matchAll(/\.?([A-Za-z_$][\w$-]*)|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]/g)) {
    if (index !== undefined) steps.push(Number(index));
    else steps.push(name ?? (JSON.parse(`"${quoted ?? ""}"`) as string));
  }
  return steps;
}
