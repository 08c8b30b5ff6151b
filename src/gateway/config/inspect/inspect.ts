/** Everything that can be found out before `fate serve` is started, from the file down to the last engine. */

import { InputError } from "../../../trace/input-error.ts";
import type { EngineId } from "../../../model/cluster.ts";
import type { Sight } from "../../adapter/adapter.ts";
import type { Config } from "../config.ts";
import { findConfigText, type ConfigText } from "../load-config.ts";
import { examineConfig } from "../parse-config.ts";
import { toCluster } from "../to-cluster.ts";
import { finding, type Finding } from "./finding.ts";
import { inspectConfig } from "./inspect-config.ts";
import { inspectDiscovery } from "./inspect-discovery.ts";
import { inspectEngine, type InspectedEngine } from "./inspect-engine.ts";
import { inspectMachine } from "./inspect-machine.ts";
import { inspectReplicas } from "./inspect-replicas.ts";
import { inspectStore } from "./inspect-store.ts";
import type { Surroundings } from "./surroundings.ts";

/** Engines that are asked at the same time. */
const sideBySide = 16;
/** Doctors are more patient than health checks. */
const leastTimeoutMs = 2000;

export async function inspect(
  path: string | undefined,
  world: Surroundings,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  let source: ConfigText;
  try {
    source = await findConfigText({ ...(path === undefined ? {} : { path }), env: world.env, read: world.read });
  } catch (error) {
    if (error instanceof InputError) return [refusal(error)];
    throw error;
  }
  const { config, faults, obstacles } = examineConfig(source.text, source.where, world.env);
  if (config === undefined) return faults.map(refusal);
  const found = [
    ...obstacles.map(refusal),
    ...inspectConfig(config, source.where, world.env),
    ...(await inspectMachine(config, world)),
    ...(await inspectStore(config, world)),
    ...(await inspectReplicas(config, world)),
  ];
  const discovered = await inspectDiscovery(config, world);
  return [...found, ...discovered.findings, ...(await inspectEngines(discovered.config, world, signal))];
}

function refusal({ file, place, found, expected }: InputError): Finding {
  return finding("refusal", place === "" ? file : `${file}: ${place}`, `found ${found}`, `write ${expected}`);
}

async function inspectEngines(config: Config, world: Surroundings, signal: AbortSignal): Promise<readonly Finding[]> {
  const timeoutMs = Math.max(leastTimeoutMs, config.health.timeoutMs);
  const createSignal = (): AbortSignal => AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const inspected: InspectedEngine[] = [];
  for (let at = 0; at < config.engines.length; at += sideBySide) {
    signal.throwIfAborted();
    const batch = config.engines.slice(at, at + sideBySide);
    inspected.push(...(await Promise.all(batch.map((engine) => inspectEngine(engine, world, createSignal)))));
  }
  signal.throwIfAborted();
  return [...inspected.flatMap(({ findings }) => findings), ...inspectSights(config, inspected)];
}

/** What is only assumed once servers have shown what they hold. */
function inspectSights(config: Config, inspected: readonly InspectedEngine[]): readonly Finding[] {
  const sights = new Map<EngineId, Sight>();
  for (const [index, { sight }] of inspected.entries()) {
    const engine = config.engines[index];
    if (engine !== undefined && sight !== undefined) sights.set(engine.id, sight);
  }
  const before = new Set(toCluster(config).assumptions);
  return toCluster(config, sights)
    .assumptions.filter((assumption) => !before.has(assumption))
    .map((assumption) => finding("note", "assumed", assumption));
}
