/** What Fate must reach, and whether it did. */

import { concurrencies, type Measured } from "./measure.ts";

export type Bar = {
  readonly name: string;
  readonly value: number;
  readonly bound: number;
  readonly atMost: boolean;
  readonly unit: string;
  readonly passed: boolean;
};

const addedP50Ms = 0.25;
const addedP99Ms = 1.5;
const ofBare = 0.6;
const ofPortkey = 6;
const largeRate = 300;

/** A figure that is missing passes nothing. */
export function toBars(measured: Measured, streams: number): readonly Bar[] {
  const { latency, throughput, large, failures } = measured;
  const added = (of: "p50" | "p99"): number => (latency.fate?.[of] ?? NaN) - (latency.direct?.[of] ?? NaN);
  const rates = concurrencies.flatMap((connections) => {
    const { fate, bare, portkey } = throughput[connections] ?? {};
    const ratio = (other: { readonly median: number } | undefined): number =>
      (fate?.median ?? NaN) / (other?.median ?? NaN);
    return [
      atLeast(`throughput over the bare proxy's, ${connections} connections`, ratio(bare), ofBare, "x"),
      atLeast(`throughput over Portkey's, ${connections} connections`, ratio(portkey), ofPortkey, "x"),
    ];
  });
  return [
    atMost("added latency p50", added("p50"), addedP50Ms, "ms"),
    atMost("added latency p99", added("p99"), addedP99Ms, "ms"),
    ...rates,
    atLeast("requests a second with prompts of 220 KB", large.fate?.median ?? NaN, largeRate, "/s"),
    atLeast("streams open at once", measured.streams.fate?.mostOpen ?? NaN, streams, ""),
    atLeast("streams with every byte in order", measured.streams.fate?.whole ?? NaN, streams, ""),
    atMost("requests not answered with 200", failures.fate?.count ?? 0, 0, ""),
  ];
}

function atMost(name: string, value: number, bound: number, unit: string): Bar {
  return { name, value, bound, atMost: true, unit, passed: value <= bound };
}

function atLeast(name: string, value: number, bound: number, unit: string): Bar {
  return { name, value, bound, atMost: false, unit, passed: value >= bound };
}
