/** `fate compare`: policies on the same workloads with the same seeds, each against a baseline. */

import { availableParallelism } from "node:os";
import type { CellResult, CellSpec, PolicyName, WorkloadSource } from "../experiment/cell.ts";
import { comparePolicies, type Comparison } from "../experiment/compare.ts";
import { showCount } from "../experiment/format.ts";
import { comparableMetrics, rankRows, toTable } from "../experiment/render-comparison.ts";
import { renderResultFile, toResultFile, type ResultFile } from "../experiment/result-file.ts";
import { sourceName } from "../experiment/cell.ts";
import { runCells } from "../experiment/run-cells.ts";
import { fitColumns, renderMarkdown, renderText } from "../experiment/table.ts";
import type { Faults } from "../sim/faults.ts";
import { command, type Values } from "./arguments.ts";
import { faultOptions, toFaults } from "./fault-options.ts";
import { parseSeeds } from "./parse-seeds.ts";
import { plainPolicyNames, policyNames } from "./policy-names.ts";
import { programName } from "./program-name.ts";
import { createProgress } from "./progress-line.ts";
import type { Terminal } from "./terminal.ts";
import { fateVersion } from "./version.ts";
import { showSource, toWorkloadSource, workloadOptions, workloadPositional } from "./workload-options.ts";
import { writeWhole } from "./write-whole.ts";

const mostWorkers = 256;

const options = [
  {
    name: "policies",
    kind: "choices",
    choices: policyNames,
    listedBy: "fate policies",
    summary: "which policies; all but variants unless said",
  },
  {
    name: "baseline",
    kind: "choice",
    choices: policyNames,
    listedBy: "fate policies",
    summary: "what the others are compared with",
    default: "round-robin",
  },
  { name: "seeds", kind: "text", shows: "1-8", summary: "seeds of workload, luck and faults; 1-8 unless said" },
  { name: "metric", kind: "choice", choices: comparableMetrics, summary: "what is compared", default: "meanLatencyUs" },
  ...workloadOptions,
  ...faultOptions,
  { name: "workers", kind: "integer", min: 1, max: mostWorkers, summary: "threads; one for each core unless said" },
  { name: "check", kind: "flag", summary: "hold every run against the laws of the journal" },
  { name: "timing", kind: "flag", summary: "note the wall time that each policy took for its plans" },
  { name: "demo", kind: "flag", summary: "a short comparison that needs no workload; other options still apply" },
  { name: "markdown", kind: "flag", summary: "the table as Markdown" },
  { name: "out", kind: "text", shows: "FILE", summary: "write all cells and the summary to a JSON file" },
  { name: "json", kind: "flag", summary: "the same on standard output" },
] as const;

type CompareValues = Values<typeof options>;

export const compareCommand = command({
  name: "compare",
  summary: "run policies against each other on the same workloads",
  usage: "compare [WORKLOAD | --generate FAMILY,...] [--cluster NAME|FILE] [--policies NAME,...] [--seeds 1-8]",
  options,
  positionals: [workloadPositional],
  examples: [
    "fate compare --demo",
    "fate compare --generate montage --count 40 --rate 0.05 --seeds 1-10 --out result.json",
    "fate compare my-agents.yaml --cluster my-cluster.yaml --policies round-robin,greedy-finish,heft",
  ],
  run: async ({ values, words, terminal }) => {
    const plan = toPlan(values, words[0]);
    const cells = await runAll(plan, values.workers ?? availableParallelism(), terminal);
    const comparison = comparePolicies(cells, plan.baseline, values.metric);
    const about = {
      benchmark: values.demo ? "demo" : "compare",
      version: fateVersion,
      command: showCommand(plan, values),
    };
    const file = toResultFile(about, cells, comparison);
    if (values.out !== undefined) writeWhole(values.out, renderResultFile(file));
    show(file, comparison, values, plan, terminal);
    for (const note of new Set(cells.flatMap((cell) => cell.notes))) terminal.note(note);
    if (values.timing) noteTiming(cells, terminal);
    return noteViolations(cells, terminal);
  },
});

type Plan = {
  readonly source: WorkloadSource;
  readonly cluster: string;
  readonly policies: readonly PolicyName[];
  readonly baseline: PolicyName;
  readonly seeds: readonly number[];
  readonly faults: Faults;
  readonly check: boolean;
};

/** Small enough for a laptop in twenty seconds, and enough to tell policies apart. */
const demo = {
  generate: "montage,rag,map-reduce",
  count: 8,
  rate: 0.1,
  seeds: "1-4",
  policies: [
    "round-robin",
    "power-of-two",
    "least-loaded",
    "model-affinity",
    "greedy-commit",
    "greedy-finish",
    "greedy-finish-sharded",
    "heft",
    "heft-online",
    "fate",
    "foresight",
  ],
} as const satisfies { readonly policies: readonly PolicyName[] } & Record<string, unknown>;

function toPlan(values: CompareValues, path: string | undefined): Plan {
  const withDemo =
    values.demo && path === undefined
      ? {
          ...values,
          generate: values.generate ?? demo.generate,
          count: values.count ?? demo.count,
          rate: values.rate ?? demo.rate,
          seeds: values.seeds ?? demo.seeds,
          policies: values.policies ?? demo.policies,
          check: true,
        }
      : values;
  const baseline = values.baseline as PolicyName;
  const policies = (withDemo.policies ?? plainPolicyNames) as readonly PolicyName[];
  return {
    source: toWorkloadSource(withDemo, path),
    cluster: values.cluster,
    policies: [...new Set([baseline, ...policies])],
    baseline,
    seeds: parseSeeds(withDemo.seeds ?? "1-8"),
    faults: toFaults(values),
    check: withDemo.check,
  };
}

async function runAll(plan: Plan, workers: number, terminal: Terminal): Promise<readonly CellResult[]> {
  const { source, cluster, policies, seeds, faults, check } = plan;
  const specs = policies.flatMap((policy) =>
    seeds.map((seed): CellSpec => ({ workload: source, cluster, policy, seed, faults, check })),
  );
  const progress = createProgress(terminal);
  const cells = await runCells(specs, {
    workers,
    signal: terminal.signal,
    onProgress: ({ done, doneShare }) => progress(doneShare / specs.length, `${done} of ${specs.length} runs`),
  });
  terminal.endProgress();
  return cells;
}

function show(file: ResultFile, comparison: Comparison, values: CompareValues, plan: Plan, terminal: Terminal): void {
  if (values.json) return terminal.out(renderResultFile(file));
  const seeds = comparison.seeds.length;
  const workflows = comparison.rows[0]?.means["workflows"] ?? 0;
  const open = comparison.rows.some(({ verdict }) => verdict === "open");
  const interval = open
    ? seeds < 2
      ? "One seed gives no interval; --seeds 1-8 does."
      : "No ± where the seeds change nothing: a file leaves nothing to draw but what --rate, --faults and random policies draw."
    : `± is the 95% interval over ${seeds} seeds, paired by seed; a tie is a difference whose interval holds 0.`;
  const head = `${sourceName(plan.source)} on ${plan.cluster}: ${plan.policies.length} policies, ${seeds} seeds, ${showCount(workflows)} workflows a run, in simulated time\n\n`;
  if (values.markdown) {
    terminal.out(`${head}${renderMarkdown(toTable(comparison, { bars: false }))}\n${interval}\n`);
    return;
  }
  const table = fitColumns(toTable(comparison, { bars: true }), terminal.columns);
  terminal.out(`${head}${renderText(table, toPaint(comparison, terminal))}\n${interval}\n`);
  if (values.demo) terminal.out(next);
}

/** On a terminal the baseline stands out, and ties step back. */
function toPaint(comparison: Comparison, { color }: Terminal): (line: string, row: number) => string {
  const styles = { baseline: 1, tie: 2, less: 32, more: 31, open: 0 } as const;
  const ranked = rankRows(comparison);
  return (line, row) => (color ? `\u001B[${styles[ranked[row]?.verdict ?? "open"]}m${line}\u001B[0m` : line);
}

const next = `
Next, one run with its journal:  ${programName} simulate --generate montage --count 10 --journal run.ndjson
its laws:                        ${programName} check run.ndjson
and your own, as in README.md:   ${programName} compare WORKLOAD.yaml --cluster CLUSTER.yaml
`;

/** As it can be typed again; what does not change the numbers is left out. */
function showCommand(plan: Plan, values: CompareValues): string {
  return [
    "fate compare",
    showSource(plan.source),
    `--cluster ${plan.cluster}`,
    `--policies ${plan.policies.join(",")}`,
    `--baseline ${plan.baseline}`,
    `--metric ${values.metric}`,
    `--seeds ${plan.seeds.join(",")}`,
    ...(Object.keys(plan.faults).length === 0 ? [] : [`--faults '${JSON.stringify(plan.faults)}'`]),
  ].join(" ");
}

function noteTiming(cells: readonly CellResult[], terminal: Terminal): void {
  for (const [policy, own] of Map.groupBy(cells, ({ spec }) => spec.policy)) {
    const plans = own.reduce((sum, { wall }) => sum + wall.plans, 0);
    const planMs = own.reduce((sum, { wall }) => sum + wall.planMs, 0);
    const each = plans === 0 ? 0 : (planMs / plans) * 1000;
    terminal.note(`${policy}: ${plans} plans, ${each.toFixed(0)} us each, wall time`);
  }
}

const mostNoted = 20;

/** The exit code: 1 when a law was broken. */
function noteViolations(cells: readonly CellResult[], terminal: Terminal): number {
  const lines = cells.flatMap(({ spec, violations }) =>
    violations.map((violation) => `${spec.policy}, seed ${spec.seed}: ${violation}`),
  );
  for (const line of lines.slice(0, mostNoted)) terminal.note(line);
  if (lines.length > mostNoted) terminal.note(`and ${lines.length - mostNoted} more`);
  return lines.length === 0 ? 0 : 1;
}
