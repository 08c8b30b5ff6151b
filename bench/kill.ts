/**
 * `npm run bench -- kill [SEED [INSTANTS [GATEWAYS]]] [--out FILE]`: gateways killed again and again under load; what is lost, what is
 * doubled, and how soon they are back. Done in parts of a hundred instants, the first with this seed, the next with the one after. With
 * `--out` each part is a line of that file, and parts that are in it are not done again.
 */

import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { startPostgres } from "../test/support/postgres.ts";
import { buildProgram } from "./kill/build-program.ts";
import { runKills, type KillReport } from "./kill/run-kills.ts";

type Part = { readonly seed: number; readonly instants: number; readonly gateways: number };
type Done = Part & { readonly load: number; readonly report: KillReport };

const instantsAPart = 100;

export async function benchKill(): Promise<void> {
  const { values, positionals } = parseArgs({
    args: process.argv.slice(3),
    options: { out: { type: "string" } },
    allowPositionals: true,
  });
  const [seed = 1, instants = 500, gateways = 1] = positionals.map(Number);
  const before = values.out === undefined ? [] : readParts(values.out);
  const all: Done[] = [];
  using built = buildProgram();
  for (const part of toParts(seed, instants, gateways)) {
    const known = before.find((done) => isSame(done, part));
    const done = known ?? { ...part, report: await run(part, built.program), load: loadavg()[2] ?? 0 };
    if (known === undefined && values.out !== undefined) appendFileSync(values.out, `${JSON.stringify(done)}\n`);
    print(`seed ${done.seed}`, [done]);
    all.push(done);
  }
  print("in all", all);
  if (all.some(({ report }) => report.faults.length > 0)) process.exitCode = 1;
}

function toParts(seed: number, instants: number, gateways: number): readonly Part[] {
  return Array.from({ length: Math.ceil(instants / instantsAPart) }, (_, index) => ({
    seed: seed + index,
    instants: Math.min(instantsAPart, instants - index * instantsAPart),
    gateways,
  }));
}

function readParts(file: string): readonly Done[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Done);
}

function isSame(left: Part, right: Part): boolean {
  return left.seed === right.seed && left.instants === right.instants && left.gateways === right.gateways;
}

async function run({ seed, instants, gateways }: Part, program: string): Promise<KillReport> {
  await using postgres = gateways === 1 ? undefined : await startPostgres();
  const databaseUrl = await postgres?.createDatabase();
  if (gateways !== 1 && databaseUrl === undefined)
    throw new Error("several gateways need Postgres, which is not there");
  const report = await runKills({
    program,
    seed,
    instants,
    gateways,
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    clients: 8,
    pauseMs: 10,
    longestMs: instants * 15_000 + 120_000,
    onKill: (count) => process.stderr.write(`\rseed ${seed}: ${count} of ${instants} kills`),
  });
  process.stderr.write("\n");
  return report;
}

function print(name: string, parts: readonly Done[]): void {
  const reports = parts.map(({ report }) => report);
  const sum = (of: (report: KillReport) => number): number => reports.reduce((total, each) => total + of(each), 0);
  const spreadOf = (of: (report: KillReport) => readonly number[]): string => spread(reports.flatMap(of));
  const loads = parts.map(({ load }) => load.toFixed(0)).join(", ");
  process.stdout.write(
    `${name}, ${parts[0]?.gateways ?? 0} gateway(s): ${sum(({ kills }) => kills)} kills, ${sum(({ accepted }) => accepted)} workflows accepted, ` +
      `${sum(({ ended }) => ended)} succeeded, ${sum(({ faults }) => faults.length)} faults; load ${loads}\n` +
      `  from spawn to listening: ${spreadOf(({ listeningMs }) => listeningMs)} ms; from a kill until what was open was taken up: ${spreadOf(({ takenUpMs }) => takenUpMs)} ms\n` +
      `  taken up at a time: ${spreadOf(({ takenUp }) => takenUp)}, ${sum(({ takenUp }) => takenUp.reduce((total, count) => total + count, 0))} in all; ` +
      `a workflow took ${spreadOf(({ tookMs }) => tookMs)} ms\n`,
  );
  for (const fault of reports.flatMap(({ faults }) => faults).slice(0, 50)) process.stdout.write(`  ${fault}\n`);
}

/** Median and largest. */
function spread(values: readonly number[]): string {
  const sorted = values.toSorted((left, right) => left - right);
  return `median ${Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0)}, most ${Math.round(sorted.at(-1) ?? 0)}`;
}
