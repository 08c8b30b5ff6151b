/** A way into a document: steps from its top, and how messages write them. */

export type Path = readonly (string | number)[];

/** As messages show it: `engines[0].url`. */
export function showPath(path: Path): string {
  return path.map(showStep).join("").replace(/^\./, "");
}

function showStep(step: string | number): string {
  if (typeof step === "number") return `[${step}]`;
  return /^[A-Za-z_$][\w$-]{0,60}$/.test(step) ? `.${step}` : `[${JSON.stringify(step.slice(0, 60))}]`;
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
