/** llama.cpp's server, with one model or as a router that starts a process per model and stops it again. */

import { boolean, openObject, withDefault } from "../../trace/shape.ts";
import type { Adapter, Sight } from "./adapter.ts";
import type { EngineConfig } from "../config/config.ts";
import { EngineFault } from "./engine-fault.ts";
import type { Figures } from "./figures.ts";
import { readLlamaCppFigures } from "./llama-cpp-figures.ts";
import { listRouted, type RoutedModel } from "./llama-cpp-models.ts";
import { connect, maxLoadMs, type MakeOptions, rejectUnable, toldAbilities, unable, withinLoadTime } from "./make.ts";
import { createNames, type Names } from "./names.ts";
import type { Server } from "./server.ts";
import { waitUntil } from "./wait-until.ts";

/** Models behind a router whose figures are asked for in one look. */
const maxAsked = 16;

export function createLlamaCppAdapter(config: EngineConfig, options: MakeOptions): Adapter {
  const server = connect(config, options);
  const names = createNames(config, options);
  let routes = false;
  let metrics = true;

  const look = async (signal: AbortSignal): Promise<Sight> => {
    await server.text({ method: "GET", path: "/health" }, signal);
    const listing = await listRouted(server, signal);
    routes = listing.kind === "router";
    if (listing.kind === "single") {
      const [asleep, figures] = await Promise.all([isAsleep(server, signal), readLlamaCppFigures(server, signal)]);
      metrics = figures !== undefined;
      const models = names.allOurs(listing.names);
      return { models, resident: asleep ? [] : models, loading: [], ...figures };
    }
    const figures = await readLoaded(server, listing.models, signal);
    metrics = figures !== undefined;
    return { ...toResidency(listing.models, names), ...figures };
  };

  /** Asked to do so, a router stops or starts the model and says how it stands until it is done. */
  const change = async (name: string, verb: "load" | "unload", signal: AbortSignal): Promise<void> => {
    const effort = withinLoadTime(signal);
    const find = async (): Promise<RoutedModel> => findModel(config, server, name, effort);
    const before = await find();
    if (verb === "load" && before.status === "loaded") return;
    if (verb === "unload" && isStopped(before)) return;
    // A sleeping model has given its memory back and takes it again only for a call, so it is started anew.
    if (verb === "load" && before.status === "sleeping") await change(name, "unload", effort);
    if (verb === "unload" || before.status !== "loading")
      await server.text({ method: "POST", path: `/models/${verb}`, body: { model: name } }, effort);
    const isDone = async (): Promise<boolean> => {
      const now = await find();
      if (verb === "unload") return isStopped(now);
      if (now.failed) throw failedLoad(config, now);
      return now.status === "loaded";
    };
    if (await waitUntil(isDone, { pause: options.pause, signal: effort, withinMs: maxLoadMs })) return;
    throw unable(config, `POST /models/${verb}`, `${name} not done after ${maxLoadMs} ms`, `${name} ${verb}ed`);
  };

  return {
    engine: config.id,
    get abilities() {
      return { ...toldAbilities(config), loads: routes, metrics };
    },
    upstream: (model) => ({ origin: server.origin, model: names.toTheirs(model), headers: options.headers }),
    look,
    load: (model, signal) => (routes ? change(names.toTheirs(model), "load", signal) : rejectUnable(config, "load")),
    unload: (model, signal) =>
      routes ? change(names.toTheirs(model), "unload", signal) : rejectUnable(config, "unload"),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const propsShape = openObject({ is_sleeping: withDefault(boolean(), false) });

async function isAsleep(server: Server, signal: AbortSignal): Promise<boolean> {
  return (await server.json({ method: "GET", path: "/props" }, propsShape, signal)).is_sleeping;
}

function toResidency(models: readonly RoutedModel[], names: Names): Pick<Sight, "models" | "resident" | "loading"> {
  const withStatus = (...wanted: readonly string[]): readonly string[] =>
    models.filter(({ status }) => wanted.includes(status)).map(({ name }) => name);
  return {
    models: names.allOurs(models.filter(({ status }) => status !== "downloading").map(({ name }) => name)),
    resident: names.allOurs(withStatus("loaded")),
    loading: names.allOurs(withStatus("loading")),
  };
}

async function readLoaded(
  server: Server,
  models: readonly RoutedModel[],
  signal: AbortSignal,
): Promise<Figures | undefined> {
  const loaded = models.filter(({ status }) => status === "loaded").slice(0, maxAsked);
  const told = await Promise.all(loaded.map(({ name }) => readLlamaCppFigures(server, signal, name)));
  const figures = told.filter((each) => each !== undefined);
  if (figures.length < loaded.length) return undefined;
  const sum = (pick: (each: Figures) => number | undefined): number =>
    figures.reduce((total, each) => total + (pick(each) ?? 0), 0);
  const saysWaiting = figures.every(({ waiting }) => waiting !== undefined);
  return { running: sum((each) => each.running), ...(saysWaiting ? { waiting: sum((each) => each.waiting) } : {}) };
}

async function findModel(
  config: EngineConfig,
  server: Server,
  name: string,
  signal: AbortSignal,
): Promise<RoutedModel> {
  const listing = await listRouted(server, signal);
  const found = listing.kind === "router" ? listing.models.find((model) => model.name === name) : undefined;
  if (found !== undefined) return found;
  throw unable(config, "GET /models", `no model ${JSON.stringify(name)}`, "it among the models of the router");
}

function isStopped({ status }: RoutedModel): boolean {
  return status === "unloaded" || status === "failed";
}

function failedLoad(config: EngineConfig, { name, exitCode }: RoutedModel): EngineFault {
  return new EngineFault({
    kind: "status",
    engine: config.id,
    request: "POST /models/load",
    found: `${name} ended${exitCode === undefined ? "" : ` with exit code ${exitCode}`}`,
    expected: `${name} loaded`,
  });
}
