/** `fate demo`: a mixed agent workload through gateways that differ in their policy alone, with how each fares, live. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDemoConfig } from "../demo/config.ts";
import { replayTogether } from "../demo/replay-threads.ts";
import type { ReplayOutcome } from "../demo/run-replay.ts";
import { describe, renderVerdict, toStanding, toTable, type Standing } from "../demo/standing.ts";
import { createDemoWorkload } from "../demo/workload.ts";
import { fitColumns, renderText } from "../experiment/table.ts";
import type { Workload } from "../model/workflow.ts";
import { policyNames } from "./policy-names.ts";
import { command } from "./arguments.ts";
import type { Terminal } from "./terminal.ts";

export const demoCommand = command({
  name: "demo",
  summary: "send a mixed agent workload through gateways under several policies, and compare them live",
  usage: "demo [--calls N] [--seed N] [--policies round-robin,foresight] [--speed 20] [--json]",
  options: [
    { name: "calls", kind: "integer", min: 1, max: 5000, summary: "about so many model calls", default: 200 },
    { name: "seed", kind: "integer", min: 0, max: 4_294_967_295, summary: "decides the workload", default: 1 },
    {
      name: "policies",
      kind: "choices",
      choices: policyNames,
      listedBy: "fate policies",
      summary: "side by side, the last compared with the first; round-robin,foresight unless said",
    },
    {
      name: "speed",
      kind: "number",
      min: 0.1,
      max: 100,
      summary: "how many times faster than real GPUs; beyond 40 this machine shows in the figures",
      default: 20,
    },
    { name: "json", kind: "flag", summary: "the figures at the end as JSON" },
  ],
  positionals: [],
  examples: [
    "fate demo",
    "fate demo --policies round-robin,collated-fifo,foresight --calls 400",
    "fate demo --seed 7 --json",
  ],
  run: async ({ values, terminal }) => {
    const policies = [...new Set(values.policies ?? ["round-robin", "foresight"])];
    const { seed, speed } = values;
    const workload = createDemoWorkload({ calls: values.calls, seed });
    const folder = mkdtempSync(join(tmpdir(), "fate-demo-"));
    try {
      const jobs = policies.map((policy, index) => {
        const journal = join(folder, `${index}.ndjson`);
        return { config: createDemoConfig({ policy, seed, speed, journal }), workload, speed };
      });
      if (!values.json) terminal.out(introduce(workload, policies, speed));
      const view = values.json ? undefined : createView(terminal, policies, workload);
      const outcomes = await replayTogether(jobs, {
        signal: terminal.signal,
        onProgress: ({ figures, ended }, index) =>
          view?.show(index, toStanding(policies[index] ?? "", workload.workflows.length, figures, ended)),
      });
      const standings = outcomes.map((outcome, index) => toFinal(policies[index] ?? "", workload, outcome));
      if (values.json)
        terminal.out(`${JSON.stringify(toReport(workload, speed, standings, outcomes), undefined, 2)}\n`);
      else {
        view?.end(standings);
        terminal.out(conclude(standings, outcomes));
      }
      return outcomes.every(({ violations, failures }) => violations.length + failures.length === 0) ? 0 : 1;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
});

function introduce({ workflows }: Workload, policies: readonly string[], speed: number): string {
  const kinds = Map.groupBy(workflows, (workflow) => workflow.class ?? "");
  const mix = [...kinds].map(([kind, some]) => `${some.length} ${kind}`).join(", ");
  const calls = workflows.flatMap(({ stages }) => stages).filter(({ kind }) => kind !== "tool").length;
  return (
    `${workflows.length} workflows (${mix}), ${calls} calls, through ${policies.length === 1 ? "a gateway" : `${policies.length} gateways at once`}, ` +
    `each with four emulated engines\n` +
    `and five models that do not fit together. Times are those of the emulated GPUs; what you see goes ${speed} times as fast.\n\n`
  );
}

type View = {
  readonly show: (index: number, standing: Standing) => void;
  readonly end: (standings: readonly Standing[]) => void;
};

const plainLinesMs = 4000;

/** A table that is drawn over itself on a terminal; a line for each policy every few seconds elsewhere. */
function createView(terminal: Terminal, policies: readonly string[], { workflows }: Workload): View {
  const standings = policies.map((policy) => toStanding(policy, workflows.length, nothingYet, []));
  const live = Number.isFinite(terminal.columns) && process.env["TERM"] !== "dumb";
  const draw = (): string => renderText(fitColumns(toTable(standings), terminal.columns));
  let drawn = false;
  let lastMs = terminal.nowMs();
  const over = (): string => {
    const back = drawn ? `\u001B[${policies.length + 1}A\u001B[J` : "";
    drawn = live;
    return back;
  };
  return {
    show: (index, standing) => {
      standings[index] = standing;
      if (live) return terminal.out(over() + draw());
      const ms = terminal.nowMs();
      if (ms - lastMs < plainLinesMs) return;
      lastMs = ms;
      for (const each of standings) terminal.note(describe(each));
    },
    end: (final) => {
      standings.splice(0, standings.length, ...final);
      terminal.out(over() + draw());
    },
  };
}

const nothingYet = {
  spans: [],
  loads: 0,
  loadsByModel: {},
  loadUs: 0,
  behindLoadsUs: 0,
  promptTokens: 0,
  cachedTokens: 0,
  recomputedTokens: 0,
  waitsUs: [],
  begins: [],
  waiting: 0,
  answered: 0,
};

/** From the journal alone: a workflow whose agent was answered is one with an end. */
function toFinal(policy: string, { workflows }: Workload, { figures, failures }: ReplayOutcome): Standing {
  const failed = new Set(failures.map((line) => line.slice(0, line.indexOf(":"))));
  const ended = workflows.flatMap(({ id }) => (failed.has(id) ? [] : [id]));
  return toStanding(policy, workflows.length, figures, ended);
}

const mostNoted = 5;

function conclude(standings: readonly Standing[], outcomes: readonly ReplayOutcome[]): string {
  const records = outcomes.reduce((sum, outcome) => sum + outcome.records, 0);
  const faults = outcomes.flatMap(({ violations, failures }, index) =>
    [...failures, ...violations].map((line) => `${standings[index]?.policy}: ${line}`),
  );
  const laws =
    faults.length === 0
      ? `${records} journal records: all laws hold.`
      : [
          ...faults.slice(0, mostNoted),
          ...(faults.length > mostNoted ? [`and ${faults.length - mostNoted} more`] : []),
        ].join("\n");
  const verdict = renderVerdict(standings);
  return `${verdict === "" ? "" : `\n${verdict}\n`}${laws}\n`;
}

function toReport(
  { id }: Workload,
  speed: number,
  standings: readonly Standing[],
  outcomes: readonly ReplayOutcome[],
): object {
  return {
    workload: id,
    speed,
    policies: standings.map((standing, index) => ({
      ...standing,
      violations: outcomes[index]?.violations ?? [],
      failures: outcomes[index]?.failures ?? [],
    })),
  };
}
