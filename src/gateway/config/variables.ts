/** Environment variables that a configuration names in place of secrets: what must be set, and what goes without. */

import type { Path } from "../../trace/path.ts";
import type { Config, EngineConfig } from "./config.ts";
import type { Environment } from "./environment.ts";
import { fault, type Fault } from "./fault.ts";

/** Without these the gateway does not start: it could not speak to its engines, its database, or its like. */
export function* checkVariables(config: Config, env: Environment): Generator<Fault> {
  for (const [index, engine] of config.engines.entries()) yield* checkKey(engine, ["engines", index], env);
  for (const [index, { engine }] of config.discovery.dns.entries())
    yield* checkKey(engine, ["discovery", "dns", index, "engine"], env);
  const { store, replicas } = config;
  if (store.kind === "postgres" && !isSet(store.urlEnv, env))
    yield unset(["store", "urlEnv"], store.urlEnv, "the address of the database");
  if (replicas !== undefined && !isSet(replicas.keyEnv, env))
    yield unset(["replicas", "keyEnv"], replicas.keyEnv, "the key that all gateways of the group share");
}

function* checkKey({ id, apiKeyEnv }: EngineConfig, path: Path, env: Environment): Generator<Fault> {
  if (apiKeyEnv === undefined) return;
  const at = [...path, "apiKeyEnv"];
  const key = env[apiKeyEnv]?.trim() ?? "";
  if (key === "") yield unset(at, apiKeyEnv, `the key of engine ${id}`);
  else if (!isHeaderText(key))
    yield fault(
      at,
      `${apiKeyEnv}, which holds spaces or other odd characters`,
      `a variable with the key of engine ${id}`,
    );
}

/** What can be sent as a key. */
export function isHeaderText(key: string): boolean {
  return /^[\x21-\x7e]+$/.test(key);
}

function unset(path: Path, variable: string, secret: string): Fault {
  return fault(path, `${variable}, which is not set`, `a variable that is set to ${secret}`);
}

export type Lack = { readonly variable: string; /** Such as `tool search`. */ readonly about: string };

/** Headers that are not sent for want of a variable: the gateway starts without them, and says so. */
export function listLacks({ declared, traces }: Config, env: Environment): readonly Lack[] {
  const named = [
    ...declared.tools.map(({ name, headersFromEnv }) => [`tool ${name}`, headersFromEnv] as const),
    ...(traces.endpoint === undefined ? [] : [["traces", traces.headersFromEnv] as const]),
  ];
  return named.flatMap(([about, headers]) =>
    Object.values(headers)
      .filter((variable) => !isSet(variable, env))
      .map((variable) => ({ variable, about })),
  );
}

/** The headers whose variables are set. */
export function headersFrom(variables: Readonly<Record<string, string>>, env: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).flatMap(([header, variable]) => {
      const value = env[variable] ?? "";
      return value === "" ? [] : [[header, value]];
    }),
  );
}

function isSet(variable: string, env: Environment): boolean {
  return (env[variable] ?? "") !== "";
}
