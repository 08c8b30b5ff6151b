/** `fate policies`, `fate clusters`, `fate families`: what there is, by name. */

import { clusterNames, namedCluster } from "../catalogue/clusters.ts";
import { policies } from "../policy/policies.ts";
import type { PolicyEntry } from "../policy/policy.ts";
import { suffixes, suffixOf, type Suffix } from "../policy/suffix.ts";
import { families } from "../trace/generate/families.ts";
import { agentModel } from "../trace/generate/script.ts";
import { command, type Command } from "./arguments.ts";
import { isAblation } from "./policy-names.ts";
import { renderText } from "../experiment/table.ts";
import { usualCluster } from "./workload-options.ts";

type Item = { readonly name: string; readonly summary: string };

type Row = readonly [string, string];

type Shown = {
  readonly toRows?: (items: readonly Item[]) => readonly Row[];
  /** Stands below the table. */
  readonly foot?: string;
};

function list(
  name: string,
  summary: string,
  items: () => readonly Item[],
  example: string,
  { toRows = (all) => all.map((item) => [item.name, item.summary]), foot = "" }: Shown = {},
): Command {
  return command({
    name,
    summary,
    usage: `${name} [--json]`,
    options: [{ name: "json", kind: "flag", summary: "as JSON" }],
    positionals: [],
    examples: [`fate ${name}`, example],
    run: ({ values, terminal }) => {
      const all = items();
      const columns = [
        { heading: "name", align: "left" },
        { heading: "what it is", align: "left" },
      ] as const;
      if (values.json) terminal.out(`${JSON.stringify(all, undefined, 2)}\n`);
      else terminal.out(`${renderText({ columns, rows: toRows(all) })}${foot}`);
    },
  });
}

export const listPolicies = list(
  "policies",
  "list the policies",
  () => Object.entries<PolicyEntry>(policies).map(([name, entry]) => ({ name, summary: entry.summary })),
  "fate policies --json",
  { toRows: foldVariants },
);

/** Each suffix once, behind all policies without one, and below it what it can stand behind. The names in full are in the JSON. */
function foldVariants(items: readonly Item[]): readonly Row[] {
  const plain = items.filter(({ name }) => suffixOf(name) === undefined && !isAblation(name));
  const rows = plain.map(({ name, summary }): Row => [name, summary]);
  for (const suffix of Object.keys(suffixes) as readonly Suffix[]) {
    const named = items.flatMap(({ name }) => (suffixOf(name) === suffix ? [name.slice(0, -suffix.length)] : []));
    rows.push([`NAME${suffix}`, suffixes[suffix]]);
    for (const line of wrap(`NAME: ${named.join(", ")}`, widestNames)) rows.push(["", line]);
  }
  for (const [own, what] of Object.entries(ablated)) {
    const ablations = items.flatMap(({ name }) => (isAblation(name) && name.startsWith(own) ? [name] : []));
    rows.push([`${own}-..., ${own}@...`, `${own} with ${what}`]);
    for (const line of wrap(ablations.join(", "), widestNames)) rows.push(["", line]);
  }
  return rows;
}

const ablated = { fate: "one thing less or with another bound", foresight: "one thing less or more" };

const widestNames = 90;

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}

export const listClusters = list(
  "clusters",
  "list the clusters that are known by name",
  () => clusterNames.map((name) => ({ name, summary: describeCluster(name) })),
  "fate simulate --generate montage --count 10 --cluster a100-8",
);

export const listFamilies = list(
  "families",
  "list the families of workflows that can be generated",
  () => Object.entries(families).map(([name, { summary, model }]) => ({ name, summary, model })),
  "fate trace generate montage --count 50 --out workload.ndjson",
  { foot: tellOfLargeModel() },
);

/** The usual cluster has small engines only. */
function tellOfLargeModel(): string {
  const names = Object.entries(families).flatMap(([name, { model }]) => (model === agentModel ? [name] : []));
  return (
    `\n${names.slice(0, -1).join(", ")} and ${names.at(-1)} call ${agentModel}, for which ${usualCluster}, the usual cluster, has no room:\n` +
    "add --model llama-3.1-8b to have them call that, or --cluster a100-8, which has the room.\n"
  );
}

/** `8 engines on 4 hosts: 2 x h200-141g, ...`. */
function describeCluster(name: string): string {
  const cluster = namedCluster(name);
  if (cluster === undefined) return "";
  const { engines, devices, hosts } = cluster;
  const kinds = Map.groupBy(devices, (device) => device.gpu);
  const gpus = [...kinds].map(([gpu, group]) => `${group.length} x ${gpu}`).join(", ");
  return `${engines.length} engines on ${hosts.length} host${hosts.length === 1 ? "" : "s"}: ${gpus}`;
}
