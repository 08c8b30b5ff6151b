/** What a standing calls the places of benchmarks. */

import { modeOf } from "../agents/groups.ts";
import type { Group } from "../benchmark.ts";
import type { StandingPlace } from "./standing.ts";

export function placeOf(benchmark: string, { cluster, mode, workload }: Group): StandingPlace {
  return workload.kind === "agents"
    ? { benchmark: withError(benchmark, workload.error), cluster, mode: modeOf({ ...workload, error: 0 }) }
    : { benchmark, cluster, mode };
}

/** Errors are told apart from exact estimates, as if of another benchmark. */
export function withError(benchmark: string, error: number): string {
  return error === 0 ? benchmark : `${benchmark}, error ${error}`;
}

export function keyOf({ benchmark, cluster, mode }: StandingPlace): string {
  return JSON.stringify([benchmark, cluster, mode]);
}
