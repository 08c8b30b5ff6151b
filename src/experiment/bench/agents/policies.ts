/** Which policies the benchmark `agents` compares: the one place to edit. Names that the table of policies lacks are left out. */

import { policies } from "../../../policy/policies.ts";
import type { PolicyName } from "../../cell.ts";
import { inTable } from "../policy-lists.ts";

const table: readonly string[] = Object.keys(policies);

/** The policy that is held against all others. */
export const subject = "hexagent";

const orders = [
  "fcfs",
  "workflow-fcfs",
  "workflow-llf",
  "edf",
  "sjf",
  "srpt",
  "agents-plas",
  "agents-atlas",
  "las",
  "one-hop",
];

/** By whose placement yardsticks are grouped: what was common before, and what the subject has too. */
export const placements = ["@least-loaded", "@projected"] as const;
export type Placement = (typeof placements)[number];

const yardsticks: readonly string[] = [
  "fcfs@round-robin",
  ...placements.flatMap((placement) => orders.map((order) => `${order}${placement}`)),
];

/** Of the yardsticks, by their means on training seeds. */
const strongest = ["edf@projected", "las@projected"];

/** Where every engine does both phases, rules for engines that batch can do without pairs. Of all, those that did best there on seed 1. */
const unpaired = ["session-affinity", "greedy-finish", "collated-fifo", "mooncake", "nalar"];
const strongestUnpaired = ["session-affinity", "greedy-finish", "collated-fifo"];

/** Ours, beyond any source; and with engines that keep their roles. */
const ahead = "foresight";
const aheadInRoles = "foresight-roles";

/** What goes beyond the subject's source and runs wherever the subject does: all of it that leaves roles as they are, all, and what is our own. */
const beyondEverywhere = ["hexagent+beyond", "hexagent+beyond+roles", ahead, aheadInRoles];

/** Order without placement; placement without order is `fcfs@projected`. */
const orderAlone = "risk@least-loaded";

export const everywhere: readonly PolicyName[] = inTable([subject, ...yardsticks, ...beyondEverywhere]);
export const withErrors: readonly PolicyName[] = inTable([subject, ahead, ...strongest]);
/** Where single parts are looked at: the subject without each, and with each that goes beyond. */
export const studied: readonly PolicyName[] = inTable([...everywhere, orderAlone, ...table.filter(isVariant)]);

/** What runs beside them where no engine is for one phase alone. */
export const withoutPairs: readonly PolicyName[] = inTable(unpaired);
export const withoutPairsWithErrors: readonly PolicyName[] = inTable(strongestUnpaired);

export const few: readonly PolicyName[] = inTable([subject, "fcfs@round-robin", "las@least-loaded", "edf@projected"]);

/** Drawn, as far as they ran. */
export const drawn = [
  subject,
  "hexagent+beyond",
  ahead,
  "edf@projected",
  "las@projected",
  "las@least-loaded",
  "fcfs@round-robin",
];

export function isYardstick(name: string): boolean {
  return yardsticks.includes(name);
}

/** The subject with something less. */
export function isAblation(name: string): boolean {
  return name.startsWith(`${subject}-`) || name === orderAlone;
}

/** The subject with something more, or what is made of it. */
export function isBeyond(name: string): boolean {
  return name.startsWith(`${subject}+`) || name === ahead || name === aheadInRoles;
}

function isVariant(name: string): boolean {
  return isAblation(name) || isBeyond(name);
}

/** May have engines change between prefill and decode, so that bounds for fixed roles say nothing about it. */
export function switchesRoles(name: string): boolean {
  return name.includes("+roles") || name === ahead;
}
