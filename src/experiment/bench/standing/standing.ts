/** How one policy stands against the best of all others, cell by cell: what counts as another, as a win, a tie and a loss. */

import { mean } from "../../../measure/statistics.ts";
import { round, type Ci95 } from "../bench-file.ts";
import { isAblation as isPartOfHexagent } from "../agents/policies.ts";
import { isLess } from "../policy-lists.ts";
import type { BenchVerdict } from "../statistics.ts";
import { isTold } from "../told.ts";

/** Without an interval, a difference up to this is a tie; and no loss is to be larger. */
export const bearable = 0.02;

/** Within so much of the best other's value, another one is run on further seeds too. */
export const closeShare = 0.1;

/** Whose standing it is unless said. */
export const usualSubject = "foresight";

export type Outcome = "win" | "tie" | "loss";

/** A place that ran. */
export type StandingPlace = {
  /** And the error of estimates where there is a choice. */
  readonly benchmark: string;
  readonly cluster: string;
  readonly mode: string;
};

/** What a policy reached; null: never on time. */
export type Rated = { readonly policy: string; readonly value: number | null };

/** One measure of one place. Less is better. */
export type StandingRow = StandingPlace & {
  readonly measure: string;
  readonly seeds: number;
  /** Null: never on time. */
  readonly own: number | null;
  /** The other whose value is least. */
  readonly best: Rated;
  /** All that there were to choose from. */
  readonly others: readonly Rated[];
  /** Relative, paired by seed: -0.1 is a tenth less than the best other; null where that one is on time at some scale and the policy never. */
  readonly difference: number | null;
  readonly ci95: Ci95;
  readonly outcome: Outcome;
  /** Relative difference of the policy told the lengths to itself, where that ran. */
  readonly told?: number;
};

/** A place and what others did there, without the policy. */
export type MissingPlace = StandingPlace & { readonly others: number };

export type Standings = { readonly rows: readonly StandingRow[]; readonly missing: readonly MissingPlace[] };

/**
 * A policy that the subject is to be held against: any that is whole. A form of the subject itself is none, nor a policy of this project with a part
 * less or another setting, nor one that is told what no policy can know.
 */
export function isOther(name: string, subject: string): boolean {
  const isForm = name === subject || ["-", "@", "+"].some((mark) => name.startsWith(`${subject}${mark}`));
  return !isForm && !isLess(name) && !isPartOfHexagent(name) && !isTold(name);
}

type Judged = Pick<StandingRow, "difference" | "ci95" | "outcome">;

export function judge(difference: number | null, ci95: Ci95, verdict: BenchVerdict): Judged {
  return { difference: difference === null ? null : round(difference), ci95, outcome: outcomeOf(difference, verdict) };
}

function outcomeOf(difference: number | null, verdict: BenchVerdict): Outcome {
  if (verdict === "less") return "win";
  if (verdict === "tie") return "tie";
  if (verdict === "more" || difference === null) return "loss";
  return Math.abs(difference) <= bearable ? "tie" : difference < 0 ? "win" : "loss";
}

/** To sort by. */
export function sizeOf({ difference }: Pick<StandingRow, "difference">): number {
  return difference ?? Infinity;
}

export function isBeyond({ difference }: Pick<StandingRow, "difference">): boolean {
  return difference === null || difference > bearable;
}

/** Cells of one measure of one benchmark, or of all. */
export type Total = {
  readonly benchmark: string;
  readonly measure: string;
  /** The most that there were to choose the best from. */
  readonly others: number;
  readonly cells: number;
  readonly wins: number;
  readonly ties: number;
  readonly losses: number;
  /** Of the losses, and of the ties, those with a difference of more than is bearable. */
  readonly lossesBeyond: number;
  readonly tiesBeyond: number;
  /** Over the cells, where there are differences. */
  readonly average: number;
  readonly worst: StandingRow | undefined;
};

/** In the order in which benchmarks and measures first come up; the last one is over everything. */
export function toTotals(rows: readonly StandingRow[]): readonly Total[] {
  const groups = Map.groupBy(rows, ({ benchmark, measure }) => JSON.stringify([benchmark, measure]));
  const own = [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : toTotal(first.benchmark, first.measure, group);
  });
  return [...own, toTotal("all", "", rows)];
}

function toTotal(benchmark: string, measure: string, rows: readonly StandingRow[]): Total {
  const of = (outcome: Outcome): readonly StandingRow[] => rows.filter((row) => row.outcome === outcome);
  const [worst] = rows.toSorted((one, other) => sizeOf(other) - sizeOf(one));
  return {
    benchmark,
    measure,
    others: Math.max(0, ...rows.map(({ others }) => others.length)),
    cells: rows.length,
    wins: of("win").length,
    ties: of("tie").length,
    losses: of("loss").length,
    lossesBeyond: of("loss").filter(isBeyond).length,
    tiesBeyond: of("tie").filter(isBeyond).length,
    average: round(mean(rows.flatMap(({ difference }) => difference ?? []))),
    worst,
  };
}
