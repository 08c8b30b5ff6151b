/** What a new configuration changes, what of that a running gateway can take over, and what waits for a restart. */

import { isDeepStrictEqual } from "node:util";
import type { Config, EngineConfig } from "./config.ts";

export type Section = keyof Config;

export type ConfigChange = {
  /** The part of the configuration; for entries of lists, whose. */
  readonly section: Section;
  readonly id?: string;
  readonly kind: "added" | "removed" | "changed";
  readonly live: boolean;
  readonly sentence: string;
};

export type ConfigComparison = {
  /** In the order of the sections, and in a list removed, added and changed ones in the order of their entries. */
  readonly changes: readonly ConfigChange[];
  /** The new configuration without what needs a restart: what the gateway goes on with. */
  readonly next: Config;
  readonly needsRestart: boolean;
};

/** Lists whose entries go by a name. */
const named = {
  keys: { one: "key", name: (key: Config["keys"][number]) => key.id },
  tenants: { one: "tenant", name: (tenant: Config["tenants"][number]) => tenant.id },
  hosts: { one: "host", name: (host: Config["hosts"][number]) => host.id },
  models: { one: "model", name: (model: Config["models"][number]) => model.id },
  engines: { one: "engine", name: (engine: EngineConfig) => engine.id },
} as const;

/** Sections that a running gateway cannot change, and why. */
const fixed: { readonly [section in Section]?: string } = {
  listen: "the port stays open as it is until a restart",
  seed: "luck is drawn from the old seed until a restart",
  journal: "the journal goes on where it is until a restart",
  store: "what is kept stays where it is until a restart",
  replicas: "the other gateways find this one as before until a restart",
  identity: "sessions are told apart as before until a restart",
  declared: "declared workflows keep their bounds and tools until a restart",
  metrics: "/metrics stays as it is until a restart",
  traces: "spans go where they went until a restart",
  log: "the log stays as it is until a restart",
};

/** What a running gateway takes over in part, and what not. */
const partly: { readonly [section in Section]?: string } = {
  health: "engines that are watched already keep theirs until they change or leave",
};

/** Of the limits, what a listening server was given for good. */
const fixedLimits = ["headerBytes", "connections"] as const;

const order: readonly Section[] = [
  "listen",
  "policy",
  "seed",
  "keys",
  "tenants",
  "hosts",
  "models",
  "engines",
  "discovery",
  "queue",
  "limits",
  "identity",
  "planning",
  "health",
  "journal",
  "store",
  "replicas",
  "declared",
  "metrics",
  "traces",
  "log",
];

export function compareConfigs(before: Config, after: Config): ConfigComparison {
  const changes = order.flatMap((section) => compareSection(section, before, after));
  const { listen, seed, journal, store, replicas, identity, declared, metrics, traces, log } = before;
  const { headerBytes, connections } = before.limits;
  const limits = { ...after.limits, headerBytes, connections };
  const { replicas: _, ...others } = after;
  const kept = { listen, seed, journal, store, limits, identity, declared, metrics, traces, log };
  return {
    changes,
    next: { ...others, ...kept, ...(replicas === undefined ? {} : { replicas }) },
    needsRestart: changes.some(({ live }) => !live),
  };
}

function compareSection(section: Section, before: Config, after: Config): readonly ConfigChange[] {
  if (isDeepStrictEqual(before[section], after[section])) return [];
  switch (section) {
    case "keys":
      return compareList(section, before.keys, after.keys, named.keys);
    case "tenants":
      return compareList(section, before.tenants, after.tenants, named.tenants);
    case "hosts":
      return compareList(section, before.hosts, after.hosts, named.hosts);
    case "models":
      return compareList(section, before.models, after.models, named.models);
    case "engines":
      return compareList(section, before.engines, after.engines, named.engines);
    case "limits":
      return compareLimits(before.limits, after.limits);
    case "policy":
      return [changed(section, `policy: ${before.policy} gives way to ${after.policy} with the next plan`)];
    default:
      return [changed(section, `${section}: ${fieldsThatDiffer(before[section], after[section])}`)];
  }
}

function compareLimits(before: Config["limits"], after: Config["limits"]): readonly ConfigChange[] {
  const kept = fixedLimits.filter((name) => before[name] !== after[name]);
  const what = `limits: ${fieldsThatDiffer(before, after)}`;
  if (kept.length === 0) return [changed("limits", what)];
  const sentence = `${what}; ${kept.join(" and ")} stay as they are until a restart`;
  return [{ section: "limits", kind: "changed", live: false, sentence }];
}

function changed(section: Section, what: string): ConfigChange {
  const reason = fixed[section] ?? partly[section];
  return {
    section,
    kind: "changed",
    live: fixed[section] === undefined,
    sentence: reason === undefined ? what : `${what}; ${reason}`,
  };
}

/** `maxWaiting is 2048, was 1024`. Only keys of the configuration, of which none is a secret. */
function fieldsThatDiffer(before: unknown, after: unknown): string {
  if (!isFields(before) || !isFields(after)) return `is ${show(after)}, was ${show(before)}`;
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys
    .filter((key) => !isDeepStrictEqual(before[key], after[key]))
    .map((key) => `${key} is ${show(after[key])}, was ${show(before[key])}`)
    .join("; ");
}

function compareList<Entry>(
  section: Section,
  before: readonly Entry[],
  after: readonly Entry[],
  { one, name }: { readonly one: string; readonly name: (entry: Entry) => string },
): readonly ConfigChange[] {
  const old = new Map(before.map((entry) => [name(entry), entry]));
  const kept = new Map(after.map((entry) => [name(entry), entry]));
  const change = (kind: ConfigChange["kind"], id: string, what: string): ConfigChange => ({
    section,
    id,
    kind,
    live: true,
    sentence: `${one} ${id}: ${what}`,
  });
  const removed = [...old.keys()].filter((id) => !kept.has(id)).map((id) => change("removed", id, leaves(section)));
  const added = [...kept.keys()].filter((id) => !old.has(id)).map((id) => change("added", id, "is new"));
  const differing = [...kept].flatMap(([id, entry]) => {
    const was = old.get(id);
    if (was === undefined || isDeepStrictEqual(was, entry)) return [];
    // Which hash a key had is nobody's business.
    return change("changed", id, section === "keys" ? "has changed" : fieldsThatDiffer(was, entry));
  });
  const changes = [...removed, ...added, ...differing];
  // Order decides ties between engines.
  return changes.length > 0 ? changes : [changed(section, `${section}: stand in another order`)];
}

function leaves(section: Section): string {
  if (section === "engines") return "leaves; calls that run there end there, those that wait go elsewhere";
  return section === "keys" ? "is no longer valid" : "is gone";
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  if (value === undefined) return "not set";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
