/** `fate bench`: the benchmarks whose results stand in `docs/results`. */

import { createHash } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { toCells, trainingOffset, type Benchmark, type Group, type Narrowing } from "../experiment/bench/benchmark.ts";
import { benchmarks } from "../experiment/bench/benchmarks.ts";
import { openCellStore } from "../experiment/bench/cell-store.ts";
import { hashAllCode } from "../experiment/bench/code-hash.ts";
import { renderDecisionTimes, toDecisionTimes, type DecisionTimes } from "../experiment/bench/decision-times.ts";
import { present, type Presented } from "../experiment/bench/present.ts";
import { runBench, type BenchResult } from "../experiment/bench/run-bench.ts";
import { parseRivals } from "../experiment/bench/standing/rivals.ts";
import { parseUndecided } from "../experiment/bench/standing/undecided.ts";
import type { PolicyName } from "../experiment/cell.ts";
import { instancesFile } from "../experiment/real-dag.ts";
import { renderText } from "../experiment/table.ts";
import { readText } from "../trace/read-text.ts";
import { command, didYouMean, type Values } from "./arguments.ts";
import { dataOption, describeData, pickBenchmark, pickData, resultsFolder } from "./benchmark-options.ts";
import { parseSeeds } from "./parse-seeds.ts";
import { policyNames } from "./policy-names.ts";
import { createProgress } from "./progress-line.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";
import { fateVersion } from "./version.ts";
import { ganttOption, parseGantt, writePages, writeReport, type Gantt } from "./write-report.ts";

const options = [
  { name: "list", kind: "flag", summary: "list the benchmarks, their clusters, modes and cells" },
  { name: "quick", kind: "flag", summary: "a small subset, whose cells equal those of the full run" },
  { name: "training", kind: "flag", summary: "seeds from 101 on, to tune on, instead of those from 1 on" },
  { name: "seeds", kind: "text", shows: "1-4", summary: "these instead of the benchmark's" },
  { name: "clusters", kind: "text", shows: "NAME,...", summary: "only these of its clusters" },
  { name: "modes", kind: "text", shows: "NAME,...", summary: "only these of its modes" },
  {
    name: "policies",
    kind: "choices",
    choices: policyNames,
    listedBy: "fate policies",
    summary: "these instead of its policies",
  },
  {
    name: "rivals",
    kind: "text",
    shows: "FILE",
    summary:
      "of each place's policies only --policies, foresight, and whoever came close to the best there in this result file",
  },
  {
    name: "undecided",
    kind: "text",
    shows: "FILE",
    summary:
      "only places where foresight may be more than 2% behind the best other, by this file of fate bench standing",
  },
  dataOption,
  {
    name: "out",
    kind: "text",
    shows: "DIR",
    summary: `where results go, and finished cells meanwhile; ${resultsFolder} unless said, where part of a run leaves cells only`,
  },
  ganttOption,
  { name: "workers", kind: "integer", min: 1, max: 256, summary: "threads; one for each core unless said" },
  { name: "check", kind: "flag", summary: "hold every run against the laws of the journal" },
  { name: "fresh", kind: "flag", summary: "run every cell again, also those finished before" },
  { name: "json", kind: "flag", summary: "the result file on standard output" },
] as const;

type BenchValues = Values<typeof options>;

export const benchCommand = command({
  name: "bench",
  summary: "run a benchmark, going on where it was interrupted, and write its report",
  usage:
    "bench NAME [--quick | --training] [--seeds 1-4] [--policies NAME,...] [--clusters NAME,...] [--modes NAME,...]",
  options,
  positionals: [{ name: "NAME", required: false, summary: `one of ${Object.keys(benchmarks).join(", ")}` }],
  examples: [
    "fate bench --list",
    "fate bench real-dag",
    "fate bench real-dag --quick",
    "fate bench real-dag --training --seeds 101-104 --policies heft-online,greedy-finish-sharded --modes solo",
    "fate bench prefix-reuse --out /tmp/results",
  ],
  run: async ({ values, words, terminal }) => {
    if (values.list) return showList(values, terminal);
    const plan = toPlan(values, words[0]);
    const results = await runAll(plan, values, terminal);
    const presented = present(plan, plan.definition, results);
    if (values.json) terminal.out(presented.json());
    else if (plan.out === undefined)
      terminal.out(`${plan.command}: simulated. ${plan.data}.\n\n${presented.tables(terminal.columns)}`);
    if (plan.out !== undefined) {
      const times = toDecisionTimes(results);
      writeResults(plan, plan.out, presented, times, terminal);
      await writeReport({ ...plan, out: plan.out, presented, times }, values.workers, terminal);
    }
    return noteFindings(results, terminal);
  },
});

type Plan = {
  readonly benchmark: string;
  readonly definition: Benchmark;
  readonly groups: readonly Group[];
  readonly gantt: Gantt;
  readonly narrowing: Narrowing;
  readonly version: string;
  readonly command: string;
  /** What the report says of where graphs come from. */
  readonly data: string;
  readonly dataHash: string;
  /** Where results go, if anywhere. */
  readonly out: string | undefined;
  readonly store: string;
};

function toPlan(values: BenchValues, name: string | undefined): Plan {
  const definition = pickBenchmark(name);
  const benchmark = name as string;
  const data = pickData(definition, values.data);
  const groups = definition.groups(data);
  const narrowing = toNarrowing(values, benchmark, definition, groups);
  const isPart = values.quick || values.training || Object.values(narrowing).some((each) => each !== undefined);
  return {
    benchmark,
    definition,
    groups,
    gantt: parseGantt(values.gantt),
    narrowing,
    version: `${fateVersion}+${hashAllCode()}`,
    command: showCommand(benchmark, values),
    data: describeData(definition, data),
    dataHash:
      data === undefined
        ? ""
        : createHash("sha256")
            .update(readFileSync(instancesFile(data)))
            .digest("hex"),
    out: values.out ?? (isPart ? undefined : resultsFolder),
    store: join(values.out ?? resultsFolder, ".partial", `${benchmark}.ndjson`),
  };
}

function isForTraining(seed: number): boolean {
  return seed > trainingOffset;
}

/** Refuses what would leave nothing, so that a slip does not pass for a result. */
function toNarrowing(
  values: BenchValues,
  benchmark: string,
  { quick }: Benchmark,
  groups: readonly Group[],
): Narrowing {
  const preset = values.quick ? quick : {};
  const seeds = values.seeds === undefined ? preset.seeds : parseSeeds(values.seeds);
  const shifted = values.training && values.seeds === undefined ? seeds?.map((seed) => seed + trainingOffset) : seeds;
  const foreign = shifted?.find((seed) => seed < 1 || isForTraining(seed) !== values.training);
  if (foreign !== undefined)
    throw new UsageError(
      values.training
        ? `--seeds: found ${foreign}, expected seeds from ${trainingOffset + 1} on; without --training it reports on 1-${trainingOffset}`
        : `--seeds: found ${foreign}, expected seeds of 1-${trainingOffset}; --training takes those from ${trainingOffset + 1} on`,
    );
  return {
    clusters:
      toNames("clusters", values.clusters, [...new Set(groups.map(({ cluster }) => cluster))]) ?? preset.clusters,
    modes: toNames("modes", values.modes, [...new Set(groups.map(({ mode }) => mode))]) ?? preset.modes,
    policies: (values.policies as readonly PolicyName[] | undefined) ?? preset.policies,
    rivals: values.rivals === undefined ? undefined : parseRivals(readText(values.rivals), values.rivals, benchmark),
    undecided:
      values.undecided === undefined
        ? undefined
        : parseUndecided(readText(values.undecided), values.undecided, benchmark),
    seeds: shifted,
  };
}

function toNames(option: string, text: string | undefined, known: readonly string[]): readonly string[] | undefined {
  const names = text?.split(",").map((name) => name.trim());
  for (const name of names ?? [])
    if (!known.includes(name))
      throw new UsageError(
        `--${option}: found ${JSON.stringify(name)}, expected names of ${known.join(", ")}${didYouMean(name, known)}`,
      );
  return names;
}

async function runAll(plan: Plan, values: BenchValues, terminal: Terminal): Promise<readonly BenchResult[]> {
  const cells = toCells(plan.groups, plan.narrowing, values);
  if (cells.length === 0)
    throw new UsageError(
      values.undecided === undefined
        ? "nothing runs: no place is of these clusters and these modes, see --list"
        : `nothing runs: no place that is left is undecided in ${values.undecided}`,
    );
  if (typeof plan.gantt === "number" && !cells.some(({ spec }) => spec.seed === plan.gantt))
    throw new UsageError(`--gantt: found ${plan.gantt}, expected a seed that runs`);
  if (values.fresh) rmSync(plan.store, { force: true });
  const store = openCellStore(plan.store, plan.dataHash);
  const before = cells.filter(({ spec }) => store.find(spec) !== undefined).length;
  if (before > 0) terminal.note(`${before} of ${cells.length} cells are there from before`);
  const progress = createProgress(terminal);
  let done = 0;
  try {
    return await runBench(cells, {
      workers: values.workers ?? availableParallelism(),
      signal: terminal.signal,
      store,
      onProgress: (at) => {
        done = at.done;
        progress(at.doneShare / at.cells, `${done} of ${at.cells} cells`);
      },
    });
  } catch (error) {
    terminal.endProgress();
    if (terminal.signal.aborted)
      terminal.note(`kept ${before + done} of ${cells.length} cells; the same command goes on from there`);
    throw error;
  } finally {
    terminal.endProgress();
  }
}

function writeResults(
  { benchmark }: Plan,
  out: string,
  presented: Presented,
  times: readonly DecisionTimes[],
  terminal: Terminal,
): void {
  const machine = `${cpus()[0]?.model ?? "unknown"}, ${availableParallelism()} cores, Node ${process.version}`;
  const pages = [
    { name: `${benchmark}.json`, text: presented.json() },
    { name: `${benchmark}.times.json`, text: renderDecisionTimes(benchmark, machine, times) },
  ];
  writePages(out, pages, terminal);
}

const mostNoted = 20;

/** The exit code: 1 when a law was broken. */
function noteFindings(results: readonly BenchResult[], terminal: Terminal): number {
  for (const note of new Set(results.flatMap(({ result }) => result.notes))) terminal.note(note);
  const broken = results.flatMap(({ mode, spec, result }) =>
    result.violations.map((violation) => `${spec.cluster}, ${mode}, ${spec.policy}, seed ${spec.seed}: ${violation}`),
  );
  for (const line of broken.slice(0, mostNoted)) terminal.note(line);
  if (broken.length > mostNoted) terminal.note(`and ${broken.length - mostNoted} more`);
  return broken.length === 0 ? 0 : 1;
}

/** As it can be typed again; what does not change the numbers is left out. */
function showCommand(benchmark: string, values: BenchValues): string {
  const said = (["seeds", "clusters", "modes", "policies", "rivals", "undecided", "data"] as const).flatMap((name) =>
    values[name] === undefined ? [] : [`--${name} ${String(values[name])}`],
  );
  const flags = (["quick", "training"] as const).flatMap((name) => (values[name] ? [`--${name}`] : []));
  return ["fate bench", benchmark, ...flags, ...said].join(" ");
}

function showList(values: BenchValues, terminal: Terminal): void {
  const all = Object.entries(benchmarks).map(([name, { summary, groups }]) => {
    const own = groups(undefined);
    return {
      name,
      summary,
      clusters: [...new Set(own.map(({ cluster }) => cluster))],
      modes: [...new Set(own.map(({ mode }) => mode))],
      cells: toCells(own, {}, { training: false, check: false }).length,
    };
  });
  if (values.json) return terminal.out(`${JSON.stringify(all, undefined, 2)}\n`);
  const columns = ["name", "what it is", ""].map((heading) => ({ heading, align: "left" }) as const);
  const rows = all.flatMap(({ name, summary, clusters, modes, cells }) => [
    [name, summary],
    ["", `  ${cells} cells on ${clusters.join(", ")}`],
    ["", `  ${modes.join(", ")}`],
  ]);
  terminal.out(renderText({ columns, rows }));
}
