/** The shapes of result files, as far as reports read them: a file may come from elsewhere, or from an older version. */

import { refuse, showShort, stepInto } from "../../../trace/place.ts";
import { array, integer, number, oneOf, openObject, text, type Shape } from "../../../trace/shape.ts";
import type { Contrast } from "../agents/contrast.ts";
import type { Ci95 } from "../bench-file.ts";

const mostRows = 1_000_000;
const name = text({ max: 200 });
const numbers: Shape<Readonly<Record<string, number>>> = byName(number());
const share = number({ min: 0, max: 1 });
const maybe = nullable(number());
const verdict = oneOf("less", "tie", "more", "open");
const rows = <T>(row: Shape<T>): Shape<readonly T[]> => array(row, { max: mostRows });

const interval: Shape<Ci95> = nullable({
  ...array(number(), { min: 2, max: 2 }),
  parse: (value, place) => {
    const [low = 0, high = 0] = array(number(), { min: 2, max: 2 }).parse(value, place);
    return low <= high ? [low, high] : refuse(place, showShort(value), "two ends in order");
  },
});

const head = {
  benchmark: name,
  version: name,
  command: text({ max: 10_000 }),
  data: text({ max: 1000 }),
  seeds: array(integer(), { min: 1, max: 10_000 }),
  policies: byName(text({ min: 0, max: 2000 })),
};

const place = { cluster: name, mode: name, policy: name };

/** Of a standing, whose cells name their benchmark. */
export const standingShape = openObject({
  cells: rows(openObject({ benchmark: name, cluster: name, mode: name, ci95: interval })),
});

export const benchShape = openObject({
  ...head,
  cells: rows(openObject({ ...place, seed: integer(), ratios: rows(maybe), latenciesUs: rows(maybe) })),
  summary: rows(
    openObject({
      ...place,
      seeds: integer(),
      workflows: integer(),
      abandoned: integer(),
      mean: number(),
      ci95: interval,
      pooledP95: number(),
      pooledP95Ci95: interval,
      p95Ratio: number(),
      winRates: byName(share),
      metrics: numbers,
    }),
  ),
  paired: rows(
    openObject({
      ...place,
      rival: name,
      mean: number(),
      ci95: interval,
      verdict,
      pooledP95: number(),
      pooledP95Ci95: interval,
      pooledP95Verdict: verdict,
      winRate: share,
      ratio: number(),
      ratioCi95: interval,
    }),
  ),
});

const agentsPlace = {
  cluster: name,
  workload: name,
  load: number({ min: 0 }),
  error: number({ min: 0 }),
  policy: name,
};
const contrast = { difference: maybe, ci95: interval, verdict };
const contrastShape: Shape<Contrast> = openObject(contrast);
const worstShape = openObject({ ...contrast, worst: maybe, worstAt: text({ min: 0 }) });

export const agentsShape = openObject({
  ...head,
  cells: rows(
    openObject({
      ...agentsPlace,
      seed: integer(),
      req95: maybe,
      req99: maybe,
      max: maybe,
      mean: number(),
      scales: rows(maybe),
    }),
  ),
  summary: rows(
    openObject({
      ...agentsPlace,
      seeds: integer(),
      workflows: integer(),
      abandoned: integer(),
      mean: maybe,
      ci95: interval,
      req95: maybe,
      req95Ci95: interval,
      req99: maybe,
      req99Ci95: interval,
      max: maybe,
      metrics: numbers,
    }),
  ),
  paired: rows(
    openObject({ ...agentsPlace, rival: name, req95: contrastShape, req99: contrastShape, mean: contrastShape }),
  ),
  overall: rows(
    openObject({
      scope: name,
      load: either(number({ min: 0 }), oneOf("all")),
      places: integer(),
      policy: name,
      rival: name,
      req95: worstShape,
      req99: worstShape,
      mean: worstShape,
    }),
  ),
});

export const timesShape = openObject({
  decisionTimes: rows(
    openObject({
      ...place,
      plans: integer(),
      meanMs: number({ min: 0 }),
      p50Ms: number({ min: 0 }),
      p99Ms: number({ min: 0 }),
    }),
  ),
});

function nullable<T>(shape: Shape<T>): Shape<T | null> {
  return {
    expects: `${shape.expects}, or null`,
    schema: { oneOf: [shape.schema, { type: "null" }] },
    parse: (value, at) => (value === null ? null : shape.parse(value, at)),
  };
}

function either<A, B>(one: Shape<A>, other: Shape<B>): Shape<A | B> {
  return {
    expects: `${one.expects}, or ${other.expects}`,
    schema: { oneOf: [one.schema, other.schema] },
    parse: (value, at) => (typeof value === "string" ? other.parse(value, at) : one.parse(value, at)),
  };
}

/** Whatever the names are. */
function byName<T>(shape: Shape<T>): Shape<Readonly<Record<string, T>>> {
  const expects = "an object of values by name";
  return {
    expects,
    schema: { type: "object", additionalProperties: shape.schema },
    parse: (value, at) =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).map(([key, own]) => [key, shape.parse(own, stepInto(at, key))]))
        : refuse(at, showShort(value), expects),
  };
}
