/** Variants of policies, named after the policy with a suffix behind it. */

import type { Policy, PolicyEntry } from "./policy.ts";

/** What each suffix makes of a policy NAME. After `@` stands where stages go instead, after `+` what is added. */
export const suffixes = {
  "+shards": "NAME that may split a stage's items over two engines of a host",
  "@projected": "the order of NAME, each stage where it ends first, held until that engine can begin",
  "@least-loaded": "the order of NAME, each stage on the engine with the fewest shares",
  "@round-robin": "the order of NAME, each stage on the next engine in turn",
  "+prefetch": "NAME that loads on idle engines what the next steps need most",
  "+keep": "NAME that keeps models which nothing in sight calls, and loads more rarely",
  "+srw": "NAME with the workflow first that has the least remaining work",
  "@queued": "the order of NAME, each stage where it is projected to end first, queued there at once",
  "+timed": "NAME with prefill batches bounded by time",
  "+history": "NAME that counts what workflows of the class went on to take",
  "+projected": "NAME with all that is projected in its queue ranks",
  "+backfill": "NAME that overtakes for KV memory only what it does not delay",
  "+chunked": "NAME with prompts in chunks beside decoding",
  "+tail": "NAME that holds first calls back while others are in danger",
  "+roles": "NAME that switches engines between prefill and decode",
  "+beyond": "NAME with history, and with prefill batches bounded by time",
  "+beyond+roles": "the same, with engines that switch roles",
} as const;

export type Suffix = keyof typeof suffixes;

/** Lines of the table: for each policy named, its entry with another plan, under its name with the suffix. */
export function withSuffix<const Name extends string, const S extends Suffix>(
  suffix: S,
  named: Readonly<Record<NoInfer<Name>, PolicyEntry>>,
  plans: Readonly<Record<Name, Policy>>,
  rest: Pick<PolicyEntry, "whenIdle" | "quick" | "lone"> = {},
): { readonly [N in Name as `${N}${S}`]: PolicyEntry } {
  const entries = Object.entries<Policy>(plans).map(([name, plan]) => {
    const summary = suffixes[suffix].replace("NAME", name);
    return [`${name}${suffix}`, { ...named[name as Name], plan, summary, ...rest }] as const;
  });
  return Object.fromEntries(entries) as { [N in Name as `${N}${S}`]: PolicyEntry };
}

/** The suffix of a name, if it has one. */
export function suffixOf(name: string): Suffix | undefined {
  const suffix = name.slice(name.search(/[+@]|$/));
  return suffix in suffixes ? (suffix as Suffix) : undefined;
}
