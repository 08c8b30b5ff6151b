/** What errors of the estimates cost: SLO scales required, against those with exact estimates, seed by seed. */

import { mean } from "../../../measure/statistics.ts";
import type { Table } from "../../table.ts";
import { differences, toContrast, type Contrast } from "./contrast.ts";
import type { AgentsCell, AgentsFile } from "./file.ts";
import { showContrast } from "./tables.ts";

/** Nothing where all estimates were exact. */
export function errorsTable(file: AgentsFile): Table | undefined {
  const errors = [...new Set(file.cells.map(({ error }) => error))].filter((error) => error > 0);
  const names = [...new Set(file.cells.filter(({ error }) => error > 0).map(({ policy }) => policy))];
  if (errors.length === 0) return undefined;
  const rows = names.flatMap((policy) =>
    errors.flatMap((error): readonly string[][] => {
      const own = file.cells.filter((cell) => cell.policy === policy && cell.error === error);
      const [req95, req99] = (["req95", "req99"] as const).map((measure) => compare(file, own, measure));
      return req95 === undefined || req99 === undefined
        ? []
        : [[policy, error.toFixed(1), showContrast(req95), showContrast(req99)]];
    }),
  );
  return {
    columns: [
      { heading: "policy", align: "left" },
      { heading: "error", align: "right" },
      { heading: "Req95", align: "right" },
      { heading: "Req99", align: "right" },
    ],
    rows,
  };
}

/** Means over the places of each seed that ran without error too. */
function compare(file: AgentsFile, own: readonly AgentsCell[], measure: "req95" | "req99"): Contrast | undefined {
  const exact = new Map(file.cells.filter(({ error }) => error === 0).map((cell) => [keyOf(cell), cell[measure]]));
  const bySeed = Map.groupBy(
    own.filter((cell) => exact.has(keyOf(cell))),
    ({ seed }) => seed,
  );
  if (bySeed.size === 0) return undefined;
  return toContrast(
    [...bySeed.values()].map((cells) =>
      mean(
        differences(
          cells.map((cell) => cell[measure] ?? Infinity),
          cells.map((cell) => exact.get(keyOf(cell)) ?? Infinity),
        ),
      ),
    ),
  );
}

function keyOf({ cluster, workload, load, policy, seed }: AgentsCell): string {
  return [cluster, workload, load, policy, seed].join();
}
