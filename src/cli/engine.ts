/** `fate engine`: an emulated model server, until it is interrupted. */

import { findReleased, knownModels } from "../catalogue/models.ts";
import { parseFault, faultKinds } from "../emulate/parse-fault.ts";
import type { Fault } from "../emulate/faults.ts";
import type { EngineOptions } from "../emulate/options.ts";
import { startEngine, type EmulatedEngine } from "../emulate/start-engine.ts";
import type { Model } from "../model/model.ts";
import { command, didYouMean } from "./arguments.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

const roles = ["both", "prefill", "decode"] as const;
const surfaces = ["all", "vllm", "ollama"] as const;
const encodings = ["maps", "arrays"] as const;

export const engineCommand = command({
  name: "engine",
  summary: "run an emulated model server over HTTP, with a GPU's durations in scaled time",
  usage: "engine [--model NAME,...] [--gpu NAME] [--speed N] [--port N] [OPTIONS]",
  options: [
    { name: "model", kind: "text", shows: "NAME,...", summary: "models it can serve", default: "llama-3.1-8b" },
    {
      name: "gpu",
      kind: "text",
      shows: "NAME",
      summary: "its GPU, by its name or a part of it",
      default: "h100",
    },
    { name: "gpus", kind: "integer", min: 1, max: 16, summary: "how many of it, as one group", default: 1 },
    {
      name: "speed",
      kind: "text",
      shows: "N",
      summary: "times faster than real, such as 20x; max waits for nothing",
      default: "1x",
    },
    { name: "host", kind: "text", shows: "ADDRESS", summary: "where to listen", default: "127.0.0.1" },
    {
      name: "port",
      kind: "integer",
      min: 0,
      max: 65_535,
      summary: "where to listen; 0 takes any free one",
      default: 8000,
    },
    { name: "id", kind: "text", shows: "NAME", summary: "what it calls itself", default: "engine" },
    { name: "surface", kind: "choice", choices: surfaces, summary: "whose API it has", default: "all" },
    { name: "role", kind: "choice", choices: roles, summary: "its part in a prefill/decode pair", default: "both" },
    { name: "max-sequences", kind: "integer", min: 1, max: 4096, summary: "sequences side by side", default: 64 },
    { name: "max-resident", kind: "integer", min: 1, max: 64, summary: "models in memory at once", default: 1 },
    {
      name: "resident",
      kind: "text",
      shows: "NAME,...",
      summary: "models in memory from the start; else the first ones",
    },
    {
      name: "memory-share",
      kind: "number",
      min: 0.01,
      max: 1,
      summary: "share of GPU memory it may use",
      default: 0.9,
    },
    { name: "kv-gb", kind: "number", min: 0.001, max: 1e6, summary: "KV memory per resident model" },
    {
      name: "load-gbps",
      kind: "number",
      min: 0.001,
      max: 1e6,
      summary: "gigabytes a second that weights load at",
      default: 8,
    },
    { name: "load-seconds", kind: "number", min: 0, max: 3600, summary: "what every load takes besides", default: 0.8 },
    { name: "context", kind: "integer", min: 1, max: 1e9, summary: "longest prompt and answer together, in tokens" },
    {
      name: "kv-events",
      kind: "integer",
      min: 0,
      max: 65_535,
      summary: "ZeroMQ port to publish KV events at; 0 takes any",
    },
    {
      name: "kv-replay",
      kind: "integer",
      min: 0,
      max: 65_535,
      summary: "ZeroMQ port to replay KV events at; 0 takes any",
    },
    { name: "kv-encoding", kind: "choice", choices: encodings, summary: "how KV events are written", default: "maps" },
    { name: "seed", kind: "integer", min: 0, max: 1e15, summary: "decides texts, lengths and faults", default: 1 },
    {
      name: "fault",
      kind: "text",
      shows: "SPEC;...",
      summary: `what goes wrong, such as cut:after=3,chance=0.1; kinds: ${faultKinds.join(", ")}`,
    },
    { name: "json", kind: "flag", summary: "where it listens as JSON" },
  ],
  positionals: [],
  examples: [
    "fate engine --speed 20x",
    "fate engine --model llama-3.1-8b,qwen3-8b --gpu a100 --max-resident 2 --port 8001",
    "fate engine --surface ollama --model qwen3-4b --gpu 4090 --port 11434",
    'fate engine --speed max --fault "busy:count=3;cut:after=5,chance=0.1" --port 0',
    "fate engine --role prefill --kv-events 5557 --kv-replay 5558",
  ],
  run: async ({ values, terminal }) => {
    const { "kv-gb": kvGb, "kv-events": kvPort, "kv-replay": replayPort, context } = values;
    const engine = await start({
      id: values.id,
      models: toModels("--model", values.model),
      gpu: values.gpu,
      gpus: values.gpus,
      speed: parseSpeed(values.speed),
      host: values.host,
      port: values.port,
      surface: values.surface as (typeof surfaces)[number],
      role: values.role as (typeof roles)[number],
      maxSequences: values["max-sequences"],
      maxResident: values["max-resident"],
      memoryShare: values["memory-share"],
      loadBytesPerSecond: values["load-gbps"] * 1e9,
      loadLatencyUs: Math.round(values["load-seconds"] * 1e6),
      seed: values.seed,
      faults: toFaults(values.fault),
      ...(values.resident === undefined
        ? {}
        : { resident: toModels("--resident", values.resident).map(({ id }) => id) }),
      ...(kvGb === undefined ? {} : { kvBytes: Math.round(kvGb * 1e9) }),
      ...(context === undefined ? {} : { contextTokens: context }),
      ...(kvPort === undefined
        ? {}
        : {
            kvEvents: {
              port: kvPort,
              encoding: values["kv-encoding"] as (typeof encodings)[number],
              ...(replayPort === undefined ? {} : { replayPort }),
            },
          }),
    });
    await using _ = engine;
    tellWhere(engine, values, terminal);
    await untilInterrupted(terminal.signal);
    terminal.note("fate engine: stopped");
  },
});

/** What cannot be, such as a model that does not fit, is for the user to mend. */
async function start(options: EngineOptions): Promise<EmulatedEngine> {
  try {
    return await startEngine(options);
  } catch (error) {
    // What an engine is told has the names of the options, without their dashes.
    if (error instanceof RangeError) throw new UsageError(error.message.replace(/^[a-z]+: /, "--$&"));
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EADDRINUSE") throw new UsageError(`--port: ${options.port} is taken; --port 0 takes any free one`);
    if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND")
      throw new UsageError(`--host: ${options.host} is no address of this machine`);
    throw error;
  }
}

function tellWhere(
  { url, gpu, stats, kvPort, kvReplayPort }: EmulatedEngine,
  { json, gpus }: { readonly json: boolean; readonly gpus: number },
  terminal: Terminal,
): void {
  const { resident } = stats();
  if (json) {
    terminal.out(`${JSON.stringify({ url, gpu, gpus, resident, kvPort, kvReplayPort })}\n`);
    return;
  }
  terminal.out(`fate engine listens at ${url}, ${gpus} x ${gpu}, ${resident.join(", ") || "no model"} in memory\n`);
  if (kvPort !== undefined) terminal.out(`KV events at tcp port ${kvPort}\n`);
  if (kvReplayPort !== undefined) terminal.out(`replays at tcp port ${kvReplayPort}\n`);
}

function untilInterrupted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** `20`, `20x`, `0.5x`; `max` is infinite. */
function parseSpeed(text: string): number {
  if (/^(max|infinity|inf)$/i.test(text)) return Infinity;
  const speed = /^(\d+(\.\d+)?)x?$/i.exec(text)?.[1];
  if (speed !== undefined && Number(speed) > 0 && Number(speed) <= 1e6) return Number(speed);
  throw new UsageError(
    `--speed: found ${JSON.stringify(text)}, expected a number up to 1000000 such as 20 or 20x, or max`,
  );
}

/** Models of the catalogue, or those behind released names such as `Qwen/Qwen3-8B`. */
function toModels(option: string, text: string): readonly Model[] {
  const models = text.split(",").map((part) => {
    const name = part.trim();
    const model = knownModels.find(({ id }) => id === name.toLowerCase()) ?? findReleased(name);
    if (model !== undefined) return model;
    const near = didYouMean(
      name,
      knownModels.map(({ id }) => id),
    );
    throw new UsageError(`${option}: found ${JSON.stringify(name)}, expected a model of the catalogue${near}`);
  });
  return [...new Map(models.map((model) => [model.id, model])).values()];
}

function toFaults(text: string | undefined): readonly Fault[] {
  try {
    return (text ?? "").split(";").flatMap((part) => (part.trim() === "" ? [] : [parseFault(part.trim())]));
  } catch (error) {
    throw new UsageError(`--fault: ${error instanceof Error ? error.message : "unreadable"}`);
  }
}
