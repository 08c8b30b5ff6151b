import { describe, expect, test } from "vitest";
import { gzipSync } from "node:zlib";
import { answerWhatIf } from "../../src/cli/answer-what-if.ts";
import { measure } from "../../src/measure/measure.ts";
import { spansToCsv, stagesToCsv, workflowsToCsv } from "../../src/view/export/to-csv.ts";
import { toPerfetto, type TraceEvent } from "../../src/view/export/to-perfetto.ts";
import { createScene } from "../../src/view/scene/scene.ts";
import { toLearntHeader, toWorkflows } from "../../src/view/scene/to-workload.ts";
import { unzip } from "../../src/view/unzip.ts";
import { cluster, dag, run } from "../support/build.ts";

const hostile = '<img src=x onerror="alert(1)">,\n=cmd';
const journal = run({
  workflows: [dag("plan -> a, b -> join"), { ...dag("one -> two", () => ({}), { id: hostile, arrivalUs: 100 }) }],
  cluster: cluster("h100 h100"),
  policy: "fate",
});
const scene = createScene(journal.header, journal.events);

describe("a trace for Perfetto", () => {
  const trace = JSON.parse(toPerfetto(scene)) as {
    readonly displayTimeUnit: string;
    readonly traceEvents: readonly TraceEvent[];
  };

  test("holds metadata that names each process and thread, complete events, and counters, all with times", () => {
    expect(trace.displayTimeUnit).toBe("ms");
    expect(new Set(trace.traceEvents.map(({ ph }) => ph))).toEqual(new Set(["M", "X", "C"]));
    const named = new Set(
      trace.traceEvents.flatMap((event) => (event.ph === "M" && event.name === "process_name" ? [event.pid] : [])),
    );
    for (const event of trace.traceEvents) {
      expect(named.has(event.pid) && Number.isInteger(event.tid)).toBe(true);
      if (event.ph === "X")
        expect(Number.isSafeInteger(event.ts) && Number.isSafeInteger(event.dur) && event.dur >= 0).toBe(true);
      if (event.ph === "C") expect(Number.isFinite(event.args["open"])).toBe(true);
    }
  });

  test("no two events of a thread cross", () => {
    const threads = Map.groupBy(
      trace.traceEvents.filter((event) => event.ph === "X"),
      ({ pid, tid }) => `${pid} ${tid}`,
    );
    for (const events of threads.values()) {
      let untilUs = 0;
      for (const { ts, dur } of events) {
        expect(ts).toBeGreaterThanOrEqual(untilUs);
        untilUs = ts + dur;
      }
    }
  });

  test("says of every load, prefill and decode of the run when it was", () => {
    const ends = (kind: string): number => journal.events.filter((event) => event.kind === kind).length;
    const told = (category: string): number =>
      trace.traceEvents.filter((event) => event.ph === "X" && event.cat === category).length;
    expect([told("load"), told("prefill"), told("decode")]).toEqual([
      ends("model-load-end"),
      ends("prefill-end"),
      ends("decode-end"),
    ]);
  });
});

describe("tables", () => {
  test("have a row for each thing, the same number of cells in each, and no cell that is a formula", () => {
    const tables = { spans: spansToCsv(scene), stages: stagesToCsv(scene), workflows: workflowsToCsv(scene) };
    expect(parseCsv(tables.workflows)).toHaveLength(1 + 2);
    expect(parseCsv(tables.stages)).toHaveLength(1 + 6);
    for (const text of Object.values(tables)) {
      const rows = parseCsv(text);
      expect(new Set(rows.map((row) => row.length)).size).toBe(1);
      for (const cell of rows.flat()) expect(cell).not.toMatch(/^[=+@]/);
    }
    expect(parseCsv(tables.workflows).map(([name]) => name)).toContain(hostile);
  });

  test("say the same of latency as measure", () => {
    const [head = [], ...rows] = parseCsv(workflowsToCsv(scene));
    const told = rows.map((row) => Number(row[head.indexOf("latency_us")]));
    const upward = (left: number, right: number): number => left - right;
    expect(told.sort(upward)).toEqual(
      measure(journal)
        .workflows.map(({ latencyUs }) => latencyUs)
        .sort(upward),
    );
  });
});

/** By RFC 4180. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain = "", end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    rows.at(-1)?.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === "\r\n") rows.push([]);
  }
  rows.pop();
  return rows;
}

describe("a run turned back into a workload", () => {
  test("and run again under its own policy comes out as it did", () => {
    const workflows = toWorkflows(scene, { workflows: 100, stages: 1000 });
    const header = toLearntHeader(scene);
    const question = [header, { version: 1, id: "again", models: header.models }, ...workflows]
      .map((line) => `${JSON.stringify(line)}\n`)
      .join("");
    const { own, other } = answerWhatIf(question);
    const { makespanUs, latencyUs, loads, cachedTokens, ended } = measure(journal);
    expect(own).toMatchObject({
      policy: "fate",
      ended,
      makespanUs,
      meanLatencyUs: latencyUs.mean,
      p95LatencyUs: latencyUs.p95,
      loads,
      cachedTokens,
    });
    expect(other).toMatchObject({ policy: "round-robin", ended });
  });

  test("takes the workflows that ended last, as many as are asked for", () => {
    expect(toWorkflows(scene, { workflows: 1, stages: 1000 })).toHaveLength(1);
    expect(toWorkflows(scene, { workflows: 9, stages: 1 })).toHaveLength(1);
  });

  test.each([
    ["nothing", ""],
    ["no journal", "{}\n"],
    ["a workflow that is none", `${JSON.stringify(journal.header)}\n{"version":1,"id":"w","models":[]}\n{"id":"a"}\n`],
  ])("a question that is %s is refused with a sentence", (_, question) => {
    expect(() => answerWhatIf(question)).toThrow(/expected/);
  });
});

test("compressed members, one behind another, are unpacked to one text", async () => {
  const texts = ["first\n", "second, longer than the first\n".repeat(100_000), "", "last"];
  const file = new Blob(texts.map((text) => new Uint8Array(gzipSync(text))));
  const pieces: Uint8Array[] = [];
  for await (const piece of unzip(file)) pieces.push(piece);
  expect(Buffer.concat(pieces).toString()).toBe(texts.join(""));
});
