/** `fate bench report`: a benchmark's report again, from its result file, without running its cells. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { benchmarks } from "../experiment/bench/benchmarks.ts";
import { hashAllCode } from "../experiment/bench/code-hash.ts";
import { parseDecisionTimes, presentFile } from "../experiment/bench/present.ts";
import { readText } from "../trace/read-text.ts";
import { command } from "./arguments.ts";
import { dataOption, describeData, pickBenchmark, pickData, resultsFolder } from "./benchmark-options.ts";
import { UsageError } from "./usage-error.ts";
import { fateVersion } from "./version.ts";
import { ganttOption, parseGantt, writeReport } from "./write-report.ts";

export const benchReportCommand = command({
  name: "bench report",
  summary: "write a benchmark's report again from its result file",
  usage: "bench report NAME [--in DIR] [--out DIR] [--gantt SEED]",
  options: [
    { name: "in", kind: "text", shows: "DIR", summary: "where NAME.json lies", default: resultsFolder },
    { name: "out", kind: "text", shows: "DIR", summary: "where the report goes; beside the result file unless said" },
    ganttOption,
    dataOption,
    { name: "workers", kind: "integer", min: 1, max: 256, summary: "threads for the runs that are shown; at most two" },
    { name: "json", kind: "flag", summary: "say what was written as JSON" },
  ],
  positionals: [{ name: "NAME", required: true, summary: `one of ${Object.keys(benchmarks).join(", ")}` }],
  examples: ["fate bench report real-dag", "fate bench report agents --in results --out pages --gantt none"],
  run: async ({ values, words, terminal }) => {
    const [name = ""] = words;
    const definition = pickBenchmark(name);
    const gantt = parseGantt(values.gantt);
    const data = pickData(definition, values.data);
    const path = join(values.in, `${name}.json`);
    const presented = presentFile(readText(path), path, definition);
    if (typeof gantt === "number" && !presented.seeds.includes(gantt))
      throw new UsageError(`--gantt: found ${gantt}, expected a seed of ${path}: ${presented.seeds.join(", ")}`);
    const timesPath = join(values.in, `${name}.times.json`);
    const times = existsSync(timesPath) ? parseDecisionTimes(readText(timesPath), timesPath) : [];
    const groups = definition.groups(data);
    const described = describeData(definition, data);
    const out = values.out ?? values.in;
    const version = `${fateVersion}+${hashAllCode()}`;
    const wanted = { groups, data: described, gantt, version, out, presented, times };
    const files = await writeReport(wanted, values.workers, terminal);
    if (values.json) terminal.out(`${JSON.stringify({ benchmark: name, files })}\n`);
  },
});
