/** What headers and bodies hold, and when an id in them can be used. */

/** As Node gives them: names in lower case. */
export type CallHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** The fields of a body that say who a call is; any of them may be of any type. */
export type IdentityBody = {
  readonly [Field in "workflow" | "nvext" | "metadata" | "prompt_cache_key" | "cache_salt" | "priority"]?: unknown;
};

export const longestId = 256;

/** A text of 1 to `longestId` characters without control characters, blanks around it taken off; otherwise nothing. */
export function toId(value: unknown): string | undefined {
  if (typeof value !== "string" || value.length > longestId) return undefined;
  const id = value.trim();
  for (let index = 0; index < id.length; index++) {
    const code = id.charCodeAt(index);
    if (code < 0x20 || code === 0x7f) return undefined;
  }
  return id === "" ? undefined : id;
}

/** The fields of an object; of anything else none. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : nothing;
}

const nothing = Object.freeze({});

export function toWhole(value: unknown, least: number, most: number): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= least && value <= most ? value : undefined;
}

/** Priorities of clients keep within this of 0, whichever way they come. */
export const mostPriority = 1000;
