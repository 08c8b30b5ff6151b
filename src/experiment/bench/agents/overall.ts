/** Over many places at once: the subject against the strongest yardstick of each place, and forms of the subject against it. */

import { mean } from "../../../measure/statistics.ts";
import { round } from "../bench-file.ts";
import { heterogeneous } from "./agents.ts";
import {
  differences,
  measures,
  pickStrongest,
  toContrast,
  type Contrast,
  type Measure,
  type Runs,
} from "./contrast.ts";
import type { AgentsGroup, AgentsPlace } from "./groups.ts";
import { isAblation, isBeyond, isYardstick, placements, subject } from "./policies.ts";

/** Means over places, seed by seed, and then their mean over seeds with its interval. */
export type OverallRow = {
  /** Which places: `all`, `heterogeneous`, or the name of a cluster or workload; with lengths estimated without error. */
  readonly scope: string;
  readonly load: number | "all";
  readonly places: number;
  readonly policy: string;
  /** A policy, or by its placement the yardstick that is strongest at each place, for each measure anew. */
  readonly rival: string;
  /** `worst`: the largest difference at a single place, by its mean over seeds. */
} & Readonly<Record<Measure, Contrast & { readonly worst: number | null; readonly worstAt: string }>>;

type Pair = { readonly place: AgentsPlace; readonly samples: Readonly<Record<Measure, readonly number[]>> };

export function toOverall(groups: readonly AgentsGroup[]): readonly OverallRow[] {
  const exact = groups.filter(({ place, runs }) => place.error === 0 && runs.some(({ policy }) => policy === subject));
  const forms = [...new Set(exact.flatMap(({ runs }) => runs.map(({ policy }) => policy)))].filter(
    (policy) => isAblation(policy) || isBeyond(policy),
  );
  const against = placements.map((placement) => ({ policy: subject, rival: `strongest${placement}` }));
  const wanted = [...against, ...forms.map((policy) => ({ policy, rival: subject }))];
  return wanted.flatMap(({ policy, rival }) => {
    const pairs = exact.flatMap((group) => toPair(group, policy, rival) ?? []);
    return toScopes(pairs).map(({ scope, load, own }) => ({
      scope,
      load,
      places: own.length,
      policy,
      rival,
      ...summarise(own),
    }));
  });
}

function toPair({ place, runs }: AgentsGroup, policy: string, rival: string): Pair | undefined {
  const own = runs.find((each) => each.policy === policy);
  const placement = placements.find((each) => rival === `strongest${each}`);
  const rivals = runs.filter((each) =>
    placement === undefined ? each.policy === rival : isYardstick(each.policy) && each.policy.endsWith(placement),
  );
  if (own === undefined || rivals.length === 0) return undefined;
  const [req95, req99, average] = measures.map((measure) =>
    differences(own.values[measure], (pickStrongest(rivals, measure) as Runs).values[measure]),
  ) as [readonly number[], readonly number[], readonly number[]];
  return { place, samples: { req95, req99, mean: average } };
}

type Scope = Pick<OverallRow, "scope" | "load"> & { readonly own: readonly Pair[] };

/** What is empty is left out, and what holds no more than one place. */
function toScopes(pairs: readonly Pair[]): readonly Scope[] {
  const clusters = [...new Set(pairs.map(({ place }) => place.cluster))];
  const workloads = [...new Set(pairs.map(({ place }) => place.workload))];
  const loads = [...new Set(pairs.map(({ place }) => place.load))];
  const uneven = pairs.filter(({ place }) => heterogeneous.includes(place.cluster));
  const scopes: readonly Scope[] = [
    ...(["all", ...loads] as const).flatMap((load): readonly Scope[] => [
      { scope: "heterogeneous", load, own: uneven.filter(({ place }) => load === "all" || place.load === load) },
      { scope: "all", load, own: pairs.filter(({ place }) => load === "all" || place.load === load) },
    ]),
    ...clusters.map((scope): Scope => ({
      scope,
      load: "all",
      own: pairs.filter(({ place }) => place.cluster === scope),
    })),
    ...workloads.map((scope): Scope => ({
      scope,
      load: "all",
      own: uneven.filter(({ place }) => place.workload === scope),
    })),
  ];
  return scopes.filter(({ own }) => own.length > 0);
}

function summarise(pairs: readonly Pair[]): Pick<OverallRow, Measure> {
  const [req95, req99, average] = measures.map((measure) => {
    const seeds = pairs[0]?.samples[measure].length ?? 0;
    const samples = Array.from({ length: seeds }, (_, seed) =>
      mean(pairs.map((pair) => pair.samples[measure][seed] ?? 0)),
    );
    let worst = -Infinity;
    let worstAt = "";
    for (const { place, samples: own } of pairs) {
      const difference = mean(own[measure]);
      if (difference > worst) [worst, worstAt] = [difference, `${place.cluster} ${place.workload} ${place.load}`];
    }
    return { ...toContrast(samples), worst: Number.isFinite(worst) ? round(worst) : null, worstAt };
  }) as [OverallRow["req95"], OverallRow["req99"], OverallRow["mean"]];
  return { req95, req99, mean: average };
}
