/** Which policies each benchmark compares: the one place to edit. Names that the table of policies lacks are left out. */

import { policies } from "../../policy/policies.ts";
import type { PolicyName } from "../cell.ts";

const table: readonly string[] = Object.keys(policies);

/** The policy that stands for this project, and its ablations by the beginning of their names. */
const own = "fate";
/** Ours, beyond any source. */
const ahead = "foresight";

/** Made for the benchmark `agents`, which has a list of its own. */
const forAgents = "hexagent";

/** Without suffixes: no shards added, no order exchanged, nothing taken away. */
const plain = table.filter((name) => !/[+@]/.test(name) && !isPart(name) && !name.startsWith(forAgents));

/** The strongest policy that plans nothing ahead, and the same with the order of workflows that is hardest to beat. */
const reference = "greedy-finish-sharded";
const inOrder = `${reference}+srw`;

/** What any gain has to be shown against, beside the strongest policy of a group that does not split stages. */
export const references: readonly string[] = [reference, inOrder];

/** What ratios are to: every benchmark runs it. */
export const baseline = "round-robin" as PolicyName;

/** By their means over training seeds, with what the project's own policy is given too: that they may split stages. */
const strongest = [own, ahead, ...references, "kvflow+shards", "halo+shards", "murakkab+shards", "heft-online+shards"];

/** The reference with a load ahead of need, as the policy beyond the project's own has. */
const inTime = `${reference}+prefetch`;

/** Of `real-dag` on its first cluster, and on the others. */
export const onHetero = [...plain, ...strongest, "peft+shards", inTime];
export const onOthers = [baseline, ...strongest, inTime];

/** What runs once more, told the lengths, where estimates err. */
export const told = [ahead];

/** Nothing there can be split, so that no variant with shards is among them; `+srw` is `heft-online` then. */
export const forPrefixes = [
  baseline,
  own,
  ahead,
  reference,
  inTime,
  "kvflow",
  "halo",
  "murakkab",
  "peft",
  "heft-online",
  "mooncake",
  "prefix-affinity",
  "session-affinity",
  "least-loaded",
];

/** All that one might install there; without the project's own, which knows nothing of pairs, since the report would be about that. */
export const forSharedPairs = [
  ...plain.filter((name) => name !== own),
  "foresight-serving",
  forAgents,
  `${forAgents}-separate`,
  `${forAgents}+beyond`,
];

export const forAblation = [baseline, ...references, own, ahead, ...table.filter(isAblation)];

/** Each dimension of state off, and all of them. */
export const forDimensions = [
  baseline,
  ...references,
  own,
  ahead,
  "fate-residency",
  "fate-locality",
  "fate-prefix",
  "fate-reachability",
  "fate-all-but-prefix",
  "fate-state",
];

/** For `--quick`. */
export const few = [baseline, "heft-online", reference];

/** For `--quick` where settings differ. */
export const fewInSettings = [...few, own, "kvflow"];

/** One workflow after another, so that `heft-online+shards` is the reference in its order. */
export const forSensitivity = [baseline, own, ahead, ...references, inTime, "heft-online", "kvflow"];

/** Drawn as distributions, and over shares, as far as they ran. */
export const drawn = [own, ahead, ...references, "kvflow+shards", "heft-online+shards", "least-loaded"];
export const drawnOverShares = [own, ahead, reference, "kvflow", "mooncake", "prefix-affinity", "least-loaded"];

/** Those that the table has, each once. */
export function inTable(names: readonly string[]): readonly PolicyName[] {
  return [...new Set(names)].filter((name) => table.includes(name)) as PolicyName[];
}

export function isAblation(name: string): boolean {
  return name.startsWith(`${own}-`) || name.startsWith(`${own}@`) || name.startsWith(`${own}+`);
}

/** A policy of this project with one thing less or another setting. */
function isPart(name: string): boolean {
  return isAblation(name) || name.startsWith(`${ahead}-`) || name.startsWith(`${ahead}@`);
}

/** A policy of this project with a part less, or with another setting; with something more it is one of its own. */
export function isLess(name: string): boolean {
  return [own, ahead, forAgents].some((policy) => name.startsWith(`${policy}-`) || name.startsWith(`${policy}@`));
}

/** Splits stages over engines by itself, so that it is no yardstick for what others gain by that. */
export function isSharding(name: string): boolean {
  return name === own || name === ahead || isPart(name) || /shard/.test(name);
}

/** Whose differences a report shows: the project's policy, or else the one beyond it, or else the reference. */
export function pickSubject(names: readonly string[]): string {
  return [own, ahead].find((name) => names.includes(name)) ?? reference;
}
