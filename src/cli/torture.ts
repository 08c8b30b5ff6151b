/** `fate torture`: the live core under faults in simulated time, seed after seed, until one breaks a law. */

import { availableParallelism, cpus } from "node:os";
import { runCampaign, type Sum } from "../torture/campaign.ts";
import { allFaultKinds, type FaultKind } from "../torture/faults.ts";
import { shrink } from "../torture/shrink.ts";
import { torture } from "../torture/torture.ts";
import type { TortureOptions, TortureResult } from "../torture/trial.ts";
import { command, type Values } from "./arguments.ts";
import { parseSeeds } from "./parse-seeds.ts";
import type { Terminal } from "./terminal.ts";
import { renderTorture, renderTorturePage } from "./torture-report.ts";
import { UsageError } from "./usage-error.ts";
import { writeWhole } from "./write-whole.ts";

const options = [
  {
    name: "seeds",
    kind: "text",
    shows: "1-200",
    summary: "a world each; 1-200 unless said, or all from 1 on with --minutes or --steps",
  },
  { name: "minutes", kind: "number", min: 0.01, max: 100_000, summary: "no longer than this" },
  { name: "steps", kind: "integer", min: 1, max: 1e12, summary: "until so many faults have happened" },
  { name: "workers", kind: "integer", min: 1, max: 256, summary: "threads; one for each core unless said" },
  {
    name: "gateways",
    kind: "integer",
    min: 1,
    max: 8,
    summary: "in each world; one to four, by the seed, unless said",
  },
  { name: "off", kind: "choices", choices: allFaultKinds, summary: "kinds of faults that do not happen" },
  { name: "most", kind: "integer", min: 0, max: 1e9, summary: "faults in a world at the most" },
  { name: "seed", kind: "integer", min: 0, max: 4_294_967_295, summary: "one world alone" },
  { name: "trace", kind: "flag", summary: "all that happens in it, line by line" },
  { name: "out", kind: "text", shows: "FILE", summary: "a page with what came of it" },
  { name: "json", kind: "flag", summary: "as JSON" },
] as const;

export const tortureCommand = command({
  name: "torture",
  summary: "the gateway's core under faults in simulated time, seed after seed",
  usage: "torture [--seeds 1-200] [--minutes M] [--steps N] [--workers W] [--json]",
  options,
  positionals: [],
  examples: ["fate torture", "fate torture --minutes 60", "fate torture --seed 123 --trace"],
  run: ({ values, terminal }) =>
    values.seed === undefined ? runMany(values, terminal) : runOne(values, values.seed, terminal),
});

type Given = Values<typeof options>;

/** All from 1 on, for as long as there is time. */
const endlessSeeds = 4_294_967_295;

async function runMany(values: Given, terminal: Terminal): Promise<number> {
  if (values.trace || values.most !== undefined) throw new UsageError("--trace and --most are for one --seed");
  const { minutes, steps, off, gateways, workers = availableParallelism() } = values;
  const seeds = seedsOf(values);
  const startMs = terminal.nowMs();
  const stop = minutes === undefined ? [] : [AbortSignal.timeout(minutes * 60_000)];
  const sum = await runCampaign({
    seeds,
    workers,
    ...(steps === undefined ? {} : { mostSteps: steps }),
    ...(off === undefined ? {} : { off: off as readonly FaultKind[] }),
    ...(gateways === undefined ? {} : { gateways }),
    signal: AbortSignal.any([terminal.signal, ...stop]),
    onResult: (so) => terminal.progress(`${so.worlds} worlds, ${so.faultSteps} faults, ${so.steps} steps`),
  });
  terminal.endProgress();
  if (terminal.signal.aborted) return tellInterrupted(sum, terminal);
  const seconds = (terminal.nowMs() - startMs) / 1000;
  terminal.out(values.json ? toJson({ ...sum, seconds }) : renderTorture({ sum, seconds }));
  if (values.out !== undefined) writeWhole(values.out, toPage(values, sum, seconds));
  if (sum.broken === undefined) return 0;
  if (!values.json) await explain(sum.broken, values, terminal);
  return 1;
}

function toJson(what: object): string {
  return `${JSON.stringify(what, (_, value: unknown) => (value instanceof Map ? Object.fromEntries(value) : value), 2)}\n`;
}

/** What did not get to its end shows nothing, but for a law that was broken. */
function tellInterrupted({ worlds, broken }: Sum, terminal: Terminal): number {
  if (broken !== undefined) tell(broken, terminal);
  terminal.note(`fate: interrupted after ${worlds} ${worlds === 1 ? "world" : "worlds"}`);
  return 130;
}

function seedsOf({ seeds, minutes, steps }: Given): Iterable<number> {
  if (seeds !== undefined) return parseSeeds(seeds);
  return countTo(minutes === undefined && steps === undefined ? 200 : endlessSeeds);
}

function* countTo(last: number): Iterable<number> {
  for (let seed = 1; seed <= last; seed++) yield seed;
}

function toPage({ seeds, steps, minutes, gateways, off }: Given, sum: Sum, seconds: number): string {
  const words = ["fate torture"];
  for (const [name, value] of Object.entries({ seeds, steps, minutes, gateways, off: off?.join(",") }))
    if (value !== undefined) words.push(`--${name} ${value}`);
  const machine = `${cpus()[0]?.model ?? "unknown"}, ${availableParallelism()} cores, Node ${process.version}`;
  return renderTorturePage({ sum, seconds, command: words.join(" "), machine });
}

/** Which law it broke, and how to see that again with as little around it as can be. */
async function explain(broken: TortureResult, values: Given, terminal: Terminal): Promise<void> {
  tell(broken, terminal);
  terminal.note("looking for what of it is needed ...");
  const given = toOptions(values, broken.seed);
  const { off, mostFaults, result } = await shrink(given, broken, terminal.signal);
  const words = [`fate torture --seed ${broken.seed}`];
  if (values.gateways !== undefined) words.push(`--gateways ${values.gateways}`);
  if (off.length > 0) words.push(`--off ${off.join(",")}`);
  if (mostFaults !== undefined) words.push(`--most ${mostFaults}`);
  const kinds = [...result.faults].map(([kind, count]) => `${count} ${kind}`).join(", ");
  terminal.out(`with ${kinds === "" ? "no fault" : kinds}:\n  ${words.join(" ")} --trace\n`);
}

async function runOne(values: Given, seed: number, terminal: Terminal): Promise<number> {
  if (values.trace && values.json) throw new UsageError("--trace is not JSON: leave one of --trace and --json out");
  const tracing = values.trace ? { tell: terminal.out } : {};
  const result = await torture({ ...toOptions(values, seed), ...tracing });
  if (values.json) terminal.out(toJson(result));
  else tell(result, terminal);
  return result.violations.length > 0 ? 1 : 0;
}

function toOptions({ off = [], most, gateways }: Given, seed: number): TortureOptions {
  return {
    seed,
    off: new Set(off as readonly FaultKind[]),
    ...(most === undefined ? {} : { mostFaults: most }),
    ...(gateways === undefined ? {} : { gateways }),
  };
}

function tell({ seed, violations, faults, steps, hash, accepted, calls }: TortureResult, terminal: Terminal): void {
  let count = 0;
  for (const times of faults.values()) count += times;
  terminal.out(`seed ${seed}: ${accepted} workflows, ${calls} calls, ${count} faults, ${steps} steps, trace ${hash}\n`);
  for (const { law, message } of violations) terminal.out(`  ${law}: ${message}\n`);
}
