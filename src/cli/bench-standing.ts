/** `fate bench standing`: one page from the result files of all benchmarks: a policy against the best of all others, cell by cell. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { compared, freshName, stand } from "../experiment/bench/standing/stand.ts";
import { renderStanding, toStandingPages } from "../experiment/bench/standing/page.ts";
import { usualSubject } from "../experiment/bench/standing/standing.ts";
import { readText } from "../trace/read-text.ts";
import { command, didYouMean } from "./arguments.ts";
import { resultsFolder } from "./benchmark-options.ts";
import { policyNames } from "./policy-names.ts";
import { UsageError } from "./usage-error.ts";
import { writePages } from "./write-report.ts";

export const benchStandingCommand = command({
  name: "bench standing",
  summary: "write how a policy stands against the best of all others, in every cell of every benchmark",
  usage: "bench standing [POLICY] [--in DIR] [--out DIR]",
  options: [
    { name: "in", kind: "text", shows: "DIR", summary: "where the result files lie", default: resultsFolder },
    { name: "out", kind: "text", shows: "DIR", summary: "where the page goes; beside the result files unless said" },
    { name: "json", kind: "flag", summary: "the result on standard output, and no page" },
  ],
  positionals: [{ name: "POLICY", required: false, summary: `whose standing; ${usualSubject} unless said` }],
  examples: ["fate bench standing", "fate bench standing fate --in results --out pages"],
  run: ({ values, words, terminal }) => {
    const [policy = usualSubject] = words;
    const known: readonly string[] = policyNames;
    if (!known.includes(policy))
      throw new UsageError(
        `fate bench standing: found no policy ${JSON.stringify(policy)}; fate policies lists them${didYouMean(policy, known)}`,
      );
    const results = compared.map((benchmark) => {
      const paths = [benchmark, freshName(benchmark)].map((name) => join(values.in, `${name}.json`));
      const read = paths.filter((path, index) => index === 0 || existsSync(path));
      return { benchmark, files: read.map((path) => ({ path, text: readText(path) })) };
    });
    const standing = stand(policy, results);
    const isUsual = policy === usualSubject;
    const said = `fate bench standing${isUsual ? "" : ` ${policy}`}`;
    if (values.json) return terminal.out(renderStanding(said, standing));
    writePages(
      values.out ?? values.in,
      toStandingPages(isUsual ? "standing" : `standing-${policy}`, said, standing),
      terminal,
    );
  },
});
