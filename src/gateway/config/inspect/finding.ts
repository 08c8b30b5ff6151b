/** What an inspection says about one thing, and what to do about it. */

export type Finding = {
  /**
   * `fine` and `note` ask for nothing, a `warning` for thought; a `fault` keeps something from working, and a
   * `refusal` keeps the gateway from starting with this configuration at all.
   */
  readonly level: "fine" | "note" | "warning" | "fault" | "refusal";
  /** Such as `engine vllm`. */
  readonly about: string;
  readonly what: string;
  /** What mends it. */
  readonly mend?: string;
};

export function finding(level: Finding["level"], about: string, what: string, mend?: string): Finding {
  return { level, about, what, ...(mend === undefined ? {} : { mend }) };
}

/** `1 engine`, `2 engines`. */
export function showCount(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
