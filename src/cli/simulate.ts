/** `fate simulate`: one workload on one cluster under one policy, and what came of it. */

import type { CellResult, CellSpec, PolicyName } from "../experiment/cell.ts";
import { runCells } from "../experiment/run-cells.ts";
import { renderSummary } from "../experiment/render-summary.ts";
import { command } from "./arguments.ts";
import { faultOptions, toFaults } from "./fault-options.ts";
import { policyNames } from "./policy-names.ts";
import { createProgress } from "./progress-line.ts";
import type { Terminal } from "./terminal.ts";
import { toWorkloadSource, workloadOptions, workloadPositional } from "./workload-options.ts";

export const simulateCommand = command({
  name: "simulate",
  summary: "run a workload on a cluster under a policy, in simulated time",
  usage: "simulate [WORKLOAD | --generate FAMILY,...] [--cluster NAME|FILE] [--policy NAME] [--seed N]",
  options: [
    {
      name: "policy",
      kind: "choice",
      choices: policyNames,
      listedBy: "fate policies",
      summary: "who decides; see fate policies",
      default: "foresight",
    },
    {
      name: "seed",
      kind: "integer",
      min: 0,
      max: 1e15,
      summary: "decides the generated workload, luck and faults",
      default: 1,
    },
    ...workloadOptions,
    ...faultOptions,
    { name: "journal", kind: "text", shows: "FILE", summary: "write everything that happens, a JSON record a line" },
    { name: "check", kind: "flag", summary: "hold the run against the laws of the journal" },
    { name: "json", kind: "flag", summary: "the summary as JSON" },
  ],
  positionals: [workloadPositional],
  examples: [
    "fate simulate --generate montage --count 40 --rate 0.05 --policy greedy-finish",
    "fate simulate my-agents.yaml --cluster my-cluster.yaml --journal run.ndjson",
    "fate simulate trace.jsonl.gz --limit 200 --faults heavy --check",
  ],
  run: async ({ values, words, terminal }) => {
    const spec: CellSpec = {
      workload: toWorkloadSource(values, words[0]),
      cluster: values.cluster,
      policy: values.policy as PolicyName,
      seed: values.seed,
      faults: toFaults(values),
      check: values.check,
      ...(values.journal === undefined ? {} : { journal: values.journal }),
    };
    const result = await runOne(spec, terminal);
    if (values.json) terminal.out(`${JSON.stringify(toJson(result), undefined, 2)}\n`);
    else terminal.out(renderSummary(result));
    for (const line of [...result.notes, ...result.violations]) terminal.note(line);
    return result.violations.length === 0 ? 0 : 1;
  },
});

/** On a thread of its own, so that an interrupt is heard. */
async function runOne(spec: CellSpec, terminal: Terminal): Promise<CellResult> {
  const progress = createProgress(terminal);
  const onProgress = ({ doneShare }: { doneShare: number }): void => progress(doneShare, spec.policy);
  const [result] = await runCells([spec], { workers: 1, signal: terminal.signal, onProgress });
  terminal.endProgress();
  if (result === undefined) throw new Error("the run gave no result");
  return result;
}

/** Only what two runs of one seed share. */
function toJson({ spec, workload, metrics, violations }: CellResult): unknown {
  const { cluster, policy, seed, faults } = spec;
  return { workload, cluster, policy, seed, faults, metrics, violations };
}
