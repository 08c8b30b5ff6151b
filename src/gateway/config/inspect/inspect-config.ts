/** What a configuration shows by itself: who may call, which variables are missing, what was assumed, what does not fit. */

import { meant } from "../../../trace/closest.ts";
import { isLoopback } from "../addresses.ts";
import type { Config } from "../config.ts";
import { shortNames, type Environment } from "../environment.ts";
import { toCluster } from "../to-cluster.ts";
import { listLacks } from "../variables.ts";
import { finding, showCount, type Finding } from "./finding.ts";

export function inspectConfig(config: Config, where: string, env: Environment): readonly Finding[] {
  return [
    finding(
      "fine",
      where,
      `${showCount(config.engines.length, "engine")}, ${showCount(config.models.length, "model")}, policy ${config.policy}`,
    ),
    inspectAccess(config),
    ...inspectTenants(config),
    ...inspectVariables(config, env),
    ...inspectNearNames(env),
    ...toCluster(config).assumptions.map((assumption) => finding("note", "assumed", assumption)),
    ...inspectMemory(config),
  ];
}

function inspectAccess({ listen, keys }: Config): Finding {
  const at = `${listen.host}:${listen.port}`;
  if (keys.length > 0) return finding("fine", "access", `${at}, with ${showCount(keys.length, "key")}`);
  if (isLoopback(listen.host)) return finding("fine", "access", `${at}, for everyone on this machine`);
  return finding("warning", "access", `${at}, for anyone who can reach it, without a key`, "fate key makes one");
}

function inspectTenants({ tenants, keys }: Config): readonly Finding[] {
  if (keys.length === 0) return [];
  const used = new Set(keys.map(({ tenant }) => tenant));
  const keyless = tenants
    .filter(({ id }) => id !== "default" && !used.has(id))
    .map(({ id }) => finding("note", `tenant ${id}`, "no key belongs to it"));
  const isWatched = used.size === 1 || keys.some(({ operator }) => operator === true);
  if (isWatched) return keyless;
  return [...keyless, finding("note", "page", "it shows nobody what goes on", "mark an operator's key operator: true")];
}

/** Those that are named in place of secrets, and are not needed to start. */
function inspectVariables(config: Config, env: Environment): readonly Finding[] {
  return listLacks(config, env).map(({ variable, about }) =>
    finding("fault", about, `the variable ${variable} is not set`, `export ${variable}=...`),
  );
}

/** A variable that is almost one of ours is more likely a typing error than somebody else's. */
function inspectNearNames(env: Environment): readonly Finding[] {
  const known = Object.keys(shortNames);
  return Object.keys(env)
    .filter((name) => name.startsWith("FATE_") && !name.startsWith("FATE__") && !known.includes(name))
    .sort()
    .flatMap((name) => {
      const hint = meant(name, known);
      return hint === "" ? [] : finding("warning", `variable ${name}`, `it has no meaning${hint}`);
    });
}

/** Models that no engine of the configuration can take. */
function inspectMemory(config: Config): readonly Finding[] {
  const { file, dns } = config.discovery;
  // What is not known yet may have room.
  if (file !== undefined || dns.length > 0 || config.engines.some(({ models }) => models.length === 0)) return [];
  const { cluster } = toCluster(config);
  const held = new Set(cluster.engines.flatMap(({ models }) => models ?? []));
  return config.models
    .filter(({ id }) => !held.has(id))
    .map(({ id }) =>
      finding("warning", `model ${id}`, "no engine can serve it", "name it under models of an engine that has room"),
    );
}
