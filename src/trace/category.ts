/** What kind of work a task does, and for which application, from names that also number the task. */

/**
 * `blastall_ID000004` is a `blastall`. Epigenomics repeats the program and then names the sample:
 * `map_map_HEP2_s_1_sequence_3` is a `map`.
 */
export function categoryOf(name: string): string {
  const short = name.slice(0, 300);
  const repeated = /^([A-Za-z0-9]+)_\1(?:_|$)/.exec(short)?.[1];
  if (repeated !== undefined) return repeated;
  const plain = short.replace(/(?:[-_.#]?(?:ID|id)?\d+)+$/, "");
  return plain === "" ? short : plain;
}

const families = ["1000genome", "blast", "bwa", "cycles", "epigenomics", "helloworld", "montage", "seismology"];
/** Names that workflows carry inside, where the file's name does not help. */
const innerNames: readonly (readonly [string, string])[] = [["genome-dax", "epigenomics"]];

/** The first family that one of the given names mentions; else the first of them without its number. */
export function familyOf(...names: readonly string[]): string {
  for (const name of names) {
    const lower = name.slice(0, 1000).toLowerCase();
    const family =
      families.find((known) => lower.includes(known)) ?? innerNames.find(([inner]) => lower.includes(inner))?.[1];
    if (family !== undefined) return family;
  }
  return categoryOf(names[0] ?? "") || "unknown";
}
