/** What came of one run, for people. */

import type { CellResult } from "./cell.ts";
import { showBytes, showCount, showDuration, showShare } from "./format.ts";
import { renderText } from "./table.ts";

export function renderSummary({ spec, workload, metrics, violations }: CellResult): string {
  const value = (name: string): number => metrics[name] ?? 0;
  const duration = (name: string): string => showDuration(value(name));
  const count = (name: string): string => showCount(value(name));
  const bytes = (name: string): string => showBytes(value(name));
  const rows: readonly (readonly [string, string])[] = [
    ["workflows", `${count("ended")} ended, ${count("abandoned")} abandoned`],
    ["makespan", `${duration("makespanUs")}, at least ${duration("boundUs")} under any policy`],
    [
      "latency",
      `mean ${duration("meanLatencyUs")}, p50 ${duration("p50LatencyUs")}, p95 ${duration("p95LatencyUs")}, p99 ${duration("p99LatencyUs")}`,
    ],
    [
      "against standalone",
      `mean ${value("meanRatio").toFixed(2)} times, p95 ${value("p95Ratio").toFixed(2)}, p99 ${value("p99Ratio").toFixed(2)}`,
    ],
    ["waited", `${duration("placementWaitUs")} to be placed, ${duration("queueWaitUs")} in queues`],
    ["model loads", `${count("loads")}, ${bytes("loadBytes")}, ${duration("loadUs")}; ${count("swaps")} of them again`],
    ["outputs moved", `${count("transfers")}, ${bytes("transferBytes")}, ${duration("transferUs")}`],
    ...(value("kvTransfers") === 0
      ? []
      : [
          [
            "KV handed over",
            `${count("kvTransfers")}, ${bytes("kvTransferBytes")}, ${duration("kvTransferUs")}`,
          ] as const,
        ]),
    [
      "prompt tokens",
      `${count("promptTokens")}, ${showShare(value("cachedShare"))} found cached, ${count("recomputedTokens")} computed again`,
    ],
    ["engines busy", `${showShare(value("utilisation"))} of the time in prefill and decode`],
    ...(value("deadlinesGiven") === 0
      ? []
      : [["deadlines", `${count("deadlinesMet")} of ${count("deadlinesGiven")} met`] as const]),
    ...(value("lostAttempts") + value("preemptions") + value("rejects") === 0
      ? []
      : [
          [
            "trouble",
            `${count("lostAttempts")} attempts lost, ${count("preemptions")} shares preempted, ${count("rejects")} decisions rejected`,
          ] as const,
        ]),
    ...(spec.check
      ? [["laws", violations.length === 0 ? "all hold" : `${violations.length} violations`] as const]
      : []),
  ];
  const columns = [
    {
      heading: `${workload} on ${spec.cluster} under ${spec.policy}, seed ${spec.seed}, in simulated time`,
      align: "left",
    },
  ] as const;
  const width = Math.max(...rows.map(([name]) => name.length));
  return renderText({ columns, rows: rows.map(([name, text]) => [`  ${name.padEnd(width)}  ${text}`]) });
}
