/**
 * Several vLLM servers that share the devices, one model each. One is awake, the others sleep: to load a model is to put to
 * sleep who is awake, and to wake the model's own server.
 */

import type { ModelId } from "../../model/model.ts";
import type { Adapter, Sight } from "./adapter.ts";
import type { EngineConfig } from "../config/config.ts";
import { EngineFault, isMissing } from "./engine-fault.ts";
import { listModels } from "./listed-models.ts";
import { connect, type MakeOptions, toldAbilities, unable, withinLoadTime } from "./make.ts";
import { createNames } from "./names.ts";
import type { Server } from "./server.ts";
import { fallAsleep, isAsleep, wakeUp } from "./sleep-mode.ts";
import { readVllmFigures } from "./vllm-figures.ts";

type Member = { readonly model: ModelId; readonly server: Server };
type MemberSight = { readonly model: ModelId; readonly asleep: boolean; readonly sight: Sight };

export function createVllmServersAdapter(config: EngineConfig, options: MakeOptions): Adapter {
  const members = config.servers.map(({ url, model }): Member => ({ model, server: connect(config, options, url) }));
  const names = createNames(config, options);
  /** What each server calls its model, once it has said so and the description does not. */
  const served = new Map<ModelId, string>();

  const memberOf = (model: ModelId): Member => {
    const member = members.find((candidate) => candidate.model === model);
    if (member !== undefined) return member;
    throw unable(
      config,
      `model ${model}`,
      "no server for it",
      `one of ${members.map((each) => each.model).join(", ")}`,
    );
  };

  const lookAt = async ({ model, server }: Member, signal: AbortSignal): Promise<MemberSight> => {
    const [asleep, listed, figures] = await Promise.all([
      askAsleep(server, signal),
      listModels(server, signal),
      readVllmFigures(server, signal),
      server.text({ method: "GET", path: "/health" }, signal),
    ]);
    if (listed[0] !== undefined && config.models.length === 0) served.set(model, listed[0]);
    return { model, asleep, sight: figures };
  };

  /** A sleeping server that is gone takes only its own model with it. */
  const look = async (signal: AbortSignal): Promise<Sight> => {
    const looks = await Promise.allSettled(members.map((member) => lookAt(member, signal)));
    const seen = looks.filter((each) => each.status === "fulfilled").map(({ value }) => value);
    const faults = looks.filter((each) => each.status === "rejected").map(({ reason }) => reason as unknown);
    const telling = faults.find(isUnasked) ?? (seen.length === 0 ? faults[0] : undefined);
    if (telling !== undefined) throw telling;
    const awake = seen.filter(({ asleep }) => !asleep);
    return {
      models: seen.map(({ model }) => model),
      resident: awake.map(({ model }) => model),
      loading: [],
      ...addUp(awake.map(({ sight }) => sight)),
    };
  };

  const load = async (model: ModelId, signal: AbortSignal): Promise<void> => {
    const target = memberOf(model);
    const effort = { pause: options.pause, signal: withinLoadTime(signal) };
    for (const { server } of members) {
      if (server === target.server || !(await isHoldingMemory(server, effort.signal))) continue;
      await fallAsleep(server, effort);
    }
    if (await askAsleep(target.server, effort.signal)) await wakeUp(target.server, effort);
  };

  const unload = async (model: ModelId, signal: AbortSignal): Promise<void> => {
    const { server } = memberOf(model);
    const effort = { pause: options.pause, signal: withinLoadTime(signal) };
    if (!(await askAsleep(server, effort.signal))) await fallAsleep(server, effort);
  };

  return {
    engine: config.id,
    abilities: { ...toldAbilities(config), loads: true, metrics: true },
    upstream: (model) => {
      const { server } = memberOf(model);
      const told = config.models.length > 0 ? names.toTheirs(model) : (served.get(model) ?? model);
      return { origin: server.origin, model: told, headers: options.headers };
    },
    look,
    load,
    unload,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(members.map(({ server }) => server[Symbol.asyncDispose]()));
    },
  };
}

/** Without sleep mode the servers cannot share devices, so it is said what to start them with. */
async function askAsleep(server: Server, signal: AbortSignal): Promise<boolean> {
  try {
    return await isAsleep(server, signal);
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new EngineFault({
      kind: "unable",
      engine: server.engine,
      request: error.request,
      found: `${error.found} from ${server.origin}`,
      expected: "sleep mode: start it with VLLM_SERVER_DEV_MODE=1 and --enable-sleep-mode",
    });
  }
}

function isUnasked(error: unknown): boolean {
  return error instanceof EngineFault && error.kind === "unable";
}

/** One that has died holds none. One that does not answer in time may. */
async function isHoldingMemory(server: Server, signal: AbortSignal): Promise<boolean> {
  try {
    return !(await askAsleep(server, signal));
  } catch (error) {
    if (error instanceof EngineFault && error.kind === "unreachable") return false;
    throw error;
  }
}

/** As a rule there is one. Of several, running and waiting calls add up; the rest is told by the first. */
function addUp(sights: readonly Sight[]): Partial<Sight> {
  const sum = (pick: (sight: Sight) => number | undefined): number =>
    sights.reduce((total, sight) => total + (pick(sight) ?? 0), 0);
  return { ...sights[0], running: sum(({ running }) => running), waiting: sum(({ waiting }) => waiting) };
}
