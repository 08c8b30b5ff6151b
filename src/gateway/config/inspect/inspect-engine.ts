/** One engine as it is: does it answer, how fast, with which models, by which clock, and is on what was asked for. */

import { meant } from "../../../trace/closest.ts";
import type { Adapter, Sight } from "../../adapter/adapter.ts";
import { EngineFault } from "../../adapter/engine-fault.ts";
import { startsItself } from "../check-engines.ts";
import type { EngineConfig } from "../config.ts";
import { finding, showCount, type Finding } from "./finding.ts";
import { codeOf } from "./inspect-machine.ts";
import type { Surroundings } from "./surroundings.ts";

/** A server that takes longer for a look is too busy or too far away to be planned with well. */
const slowMs = 250;
/** The `date` header tells whole seconds, and the answer took a while. */
const mostSkewMs = 3000;

export type InspectedEngine = { readonly findings: readonly Finding[]; readonly sight?: Sight };

/** `createSignal` gives each step its own time. */
export async function inspectEngine(
  engine: EngineConfig,
  world: Surroundings,
  createSignal: () => AbortSignal,
): Promise<InspectedEngine> {
  const about = `engine ${engine.id}`;
  if (engine.url === undefined && engine.servers.length === 0 && startsItself(engine.kind))
    return { findings: await inspectOwn(engine, world) };
  const findings: Finding[] = [];
  const say = (level: Finding["level"], what: string, mend?: string): void => {
    findings.push(finding(level, about, what, mend));
  };
  if (engine.apiKeyEnv !== undefined && (world.env[engine.apiKeyEnv] ?? "") === "")
    return { findings: [finding("note", about, "not asked, as its key is missing")] };
  let sight: Sight;
  try {
    await using adapter = world.createAdapter(engine);
    const beganMs = world.steadyMs();
    sight = await adapter.look(createSignal());
    const tookMs = Math.round(world.steadyMs() - beganMs);
    say("fine", `answers in ${tookMs} ms${showHeld(sight)}`);
    if (tookMs > slowMs)
      say("warning", `a look takes ${tookMs} ms`, "bring gateway and engine closer, or see what keeps it");
    findings.push(...inspectModels(engine, sight), ...(await inspectClock(engine, adapter, world, createSignal)));
  } catch (error) {
    findings.push(toFault(engine, error), ...(await inspectSleep(engine, world, createSignal)));
    return { findings };
  }
  findings.push(...(await inspectExtras(engine, sight, world, createSignal)));
  return { findings, sight };
}

/** What the gateway starts itself needs the files that it is to serve. */
async function inspectOwn({ id, kind, files }: EngineConfig, world: Surroundings): Promise<readonly Finding[]> {
  const about = `engine ${id}`;
  const faults: Finding[] = [];
  for (const path of Object.values(files)) {
    try {
      await world.tryRead(path);
    } catch (error) {
      faults.push(finding("fault", about, `${path} cannot be read (${codeOf(error)})`, "mend the path or its rights"));
    }
  }
  return faults.length > 0 ? faults : [finding("fine", about, `${kind}, which the gateway itself starts`)];
}

function toFault(engine: EngineConfig, error: unknown): Finding {
  const about = `engine ${engine.id}`;
  const where = engine.url ?? engine.servers.map(({ url }) => url).join(", ");
  const answered = error instanceof EngineFault && (error.kind === "status" || error.kind === "answer");
  return answered
    ? finding("fault", about, `${where} answers unlike ${engine.kind} (${codeOf(error)})`, "mend its kind, url or key")
    : finding("fault", about, `no answer at ${where} (${codeOf(error)})`, "start it, or mend its url");
}

function showHeld({ models, resident }: Sight): string {
  if (resident !== undefined && resident.length > 0) return `, holds ${resident.join(", ")}`;
  return models === undefined ? "" : `, has ${showCount(models.length, "model")}`;
}

function inspectModels({ id, models, resident }: EngineConfig, sight: Sight): readonly Finding[] {
  const about = `engine ${id}`;
  if (sight.models === undefined) return [];
  const has = new Set(sight.models);
  const missing = models
    .filter((model) => !has.has(model.id))
    .map((model) => {
      const name = model.as === model.id ? model.id : `${model.id} (as ${model.as})`;
      return finding(
        "fault",
        about,
        `it does not have ${name}${meant(model.as, has)}`,
        "load it there, or mend its name",
      );
    });
  const unused = models.length === 0 ? [] : sight.models.filter((one) => !models.some((model) => model.id === one));
  const absent = sight.resident === undefined ? [] : resident.filter((one) => !sight.resident?.includes(one));
  const nothing =
    models.length === 0 && has.size === 0 ? [finding("warning", about, "it has no models", "load one there")] : [];
  return [
    ...missing,
    ...nothing,
    ...(unused.length === 0
      ? []
      : [finding("note", about, `it also has ${unused.slice(0, 5).join(", ")}, which is not under its models`)]),
    ...absent.map((one) => finding("note", about, `${one} is not loaded now, though under resident`)),
  ];
}

async function inspectClock(
  engine: EngineConfig,
  adapter: Adapter,
  world: Surroundings,
  createSignal: () => AbortSignal,
): Promise<readonly Finding[]> {
  const [model] = engine.models;
  const address = engine.url ?? engine.servers[0]?.url;
  if (address === undefined) return [];
  const headers = model === undefined ? {} : adapter.upstream(model.id).headers;
  const sentMs = world.epochMs();
  const answer = await world.probe(`${address}/v1/models`, headers, createSignal()).catch(() => undefined);
  const there = Date.parse(answer?.date ?? "");
  if (Number.isNaN(there)) return [];
  // Whatever instant between question and answer it was: the nearer end counts.
  const skewMs = there < sentMs ? there - sentMs : Math.max(0, there - world.epochMs());
  if (Math.abs(skewMs) <= mostSkewMs) return [];
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  return [
    finding(
      "warning",
      `engine ${engine.id}`,
      `its clock is ${seconds} s ${skewMs < 0 ? "behind" : "ahead"}`,
      "let both keep time by NTP, or logs and traces will not agree",
    ),
  ];
}

/** Load figures, sleep mode, KV events: whatever the configuration counts on. */
async function inspectExtras(
  engine: EngineConfig,
  sight: Sight,
  world: Surroundings,
  createSignal: () => AbortSignal,
): Promise<readonly Finding[]> {
  const about = `engine ${engine.id}`;
  const findings: Finding[] = [];
  const tellsLoad = sight.running !== undefined || sight.kvShare !== undefined;
  if (!tellsLoad && (engine.kind === "vllm" || engine.kind === "sglang" || engine.kind === "llama-cpp"))
    findings.push(
      finding(
        "note",
        about,
        "it tells no load figures; they are worked out from our own traffic",
        engine.kind === "vllm" ? "see what keeps /metrics from answering" : "start it with its option for /metrics",
      ),
    );
  findings.push(...(await inspectSleep(engine, world, createSignal)));
  for (const endpoint of [engine.kvEvents?.endpoint, engine.kvEvents?.replay]) {
    if (endpoint === undefined) continue;
    const { hostname, port } = new URL(endpoint);
    try {
      await world.reach(hostname.replaceAll(/[[\]]/g, ""), Number(port), createSignal());
    } catch (error) {
      findings.push(
        finding(
          "fault",
          about,
          `no KV events at ${endpoint} (${codeOf(error)})`,
          "switch them on there, or drop kvEvents",
        ),
      );
    }
  }
  return findings;
}

async function inspectSleep(
  { id, servers }: EngineConfig,
  world: Surroundings,
  createSignal: () => AbortSignal,
): Promise<readonly Finding[]> {
  if (servers.length < 2) return [];
  const answers = await Promise.all(
    servers.map(({ url }) => world.probe(`${url}/is_sleeping`, {}, createSignal()).catch(() => undefined)),
  );
  return servers.flatMap(({ model }, index) => {
    const answer = answers[index];
    if (answer?.status === 200) return [];
    const why = answer === undefined ? "no answer" : `status ${answer.status}`;
    return finding(
      "fault",
      `engine ${id}`,
      `the server of ${model} cannot sleep (${why})`,
      "start it with --enable-sleep-mode and VLLM_SERVER_DEV_MODE=1",
    );
  });
}
