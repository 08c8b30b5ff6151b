import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { benchmarks } from "../../../../src/experiment/bench/benchmarks.ts";
import type { Benchmark } from "../../../../src/experiment/bench/benchmark.ts";
import { toDecisionTimes } from "../../../../src/experiment/bench/decision-times.ts";
import { renderHtml } from "../../../../src/experiment/bench/html/render-html.ts";
import { present, presentFile, type Presented } from "../../../../src/experiment/bench/present.ts";
import { toPages } from "../../../../src/experiment/bench/report-parts.ts";
import { InputError } from "../../../../src/trace/input-error.ts";
import { madeUpAgents, madeUpLatencies } from "./made-up.ts";
import { readMarkup } from "./well-formed.ts";
import { codePoint } from "../../../support/code-point.ts";
import { portionOf } from "../../../support/portion.ts";

const about = { benchmark: "b", version: "1+abc", command: "fate bench b --seeds 1-3", data: "Made up" };

function madeUp(name: string): readonly [Benchmark, Presented] {
  const benchmark = benchmarks[name] as Benchmark;
  const results =
    benchmark.report === "agents"
      ? [...madeUpAgents("het1"), ...madeUpAgents("homo")]
      : [...madeUpLatencies("hetero-8", "share-0.00"), ...madeUpLatencies("a100-8", "solo")];
  return [benchmark, present(about, benchmark, results)];
}

function toHtml(presented: Presented): string {
  return renderHtml(presented.report([]), presented.policies, presented.bounds);
}

const textOf = (html: string): string =>
  html
    .replaceAll(/<style>[^<]*<\/style>/g, "")
    .replaceAll(/<[^>]*>/g, "|")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'");

describe.each(Object.keys(benchmarks))("the report of %s in one file", (name) => {
  const [benchmark, presented] = madeUp(name);
  const html = toHtml(presented);
  const tags = readMarkup(html);

  test("is well-formed, and every link leads to one place in it", () => {
    const ids = tags.flatMap(({ attributes }) => attributes.get("id") ?? []);
    const links = tags.flatMap(({ attributes }) => attributes.get("href") ?? []);
    expect(new Set(ids).size).toBe(ids.length);
    expect(links.length).toBeGreaterThan(2);
    expect(links.filter((link) => !ids.includes(link.slice(1)))).toEqual([]);
  });

  test("needs nothing from anywhere, and forbids it", () => {
    expect(html.match(/[a-z]+:\/\/[^" ]*/g)?.filter((url) => url !== "http://www.w3.org/2000/svg")).toEqual([]);
    expect(
      tags.filter(({ name: tag }) => /^(script|link|img|iframe|object|base|form|image|use|a:href)$/.test(tag)),
    ).toEqual([]);
    for (const { attributes } of tags)
      for (const key of attributes.keys()) expect(key).not.toMatch(/^(on.*|style|src|srcset|action)$/);
    expect(html).not.toMatch(/@import|url\(/);
    const style = /<style>([^<]*)<\/style>/.exec(html)?.[1] ?? "";
    const policy = tags.find(({ attributes }) => attributes.has("http-equiv"))?.attributes.get("content");
    const hash = createHash("sha256").update(style).digest("base64");
    expect(policy?.replaceAll("&#39;", "'")).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`,
    );
  });

  test("has all figures of the page's tables, the command and the seeds", () => {
    const [page] = toPages(presented.report([]));
    const cells =
      page?.text
        .split("\n")
        .filter((line) => line.startsWith("| "))
        .flatMap((line) => line.split("|")) ?? [];
    const own = new Set(
      textOf(html)
        .split("|")
        .map((cell) => cell.trim()),
    );
    const figures = cells.map((cell) => cell.trim()).filter((cell) => !/^(-+:?)?$/.test(cell));
    expect(figures.length).toBeGreaterThan(50);
    expect(figures.filter((figure) => !own.has(figure))).toEqual([]);
    for (const part of ["fate bench b --seeds 1-3", "Seeds 1", "Code 1+abc"]) expect(textOf(html)).toContain(part);
    expect(textOf(html)).not.toMatch(/NaN|undefined|Infinity/);
  });

  test("says what the bounds say", () => {
    expect(textOf(html)).toContain("What the bounds say");
    expect(textOf(html)).toContain(benchmark.report === "agents" ? "|285.00 x|" : "|2.00 x|");
  });

  test("is the same from the result file", () => {
    const again = presentFile(presented.json(), "b.json", benchmark);
    expect(toHtml(again)).toBe(html);
    expect(toPages(again.report([]))).toEqual(toPages(presented.report([])));
  });
});

test("each row of a main table has its value and interval drawn beside it", () => {
  const [, presented] = madeUp("real-dag");
  const strips = toHtml(presented).match(/<td class="strip"><svg[^]*?<\/svg><\/td>/g) ?? [];
  // Two places with five policies each, and their differences to the subject.
  expect(strips).toHaveLength(2 * (5 + 4));
  expect(strips[0]).toContain("<title>0.25, from 0.25 to 0.25</title>");
  expect(strips[5]).toContain("<title>-0.33333, from -0.33333 to -0.33333</title>");
});

const nasty = fc.oneof(
  fc.constantFrom("</td><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "<!--", "]]>", "&#60;", "`|*"),
  fc.string({ unit: codePoint, minLength: 1, maxLength: 12 }),
);

test("whatever names say, they end as text", () => {
  const [benchmark, presented] = madeUp("real-dag");
  const plain = readMarkup(toHtml(presented)).map(({ name }) => name);
  fc.assert(
    fc.property(nasty, nasty, nasty, (cluster, mode, policy) => {
      const swap: Record<string, string> = {
        "hetero-8": `${cluster}1`,
        "share-0.00": `${mode}2`,
        "heft-online": `${policy}3`,
      };
      const file = JSON.parse(presented.json(), (_, value: unknown) =>
        typeof value === "string" ? (swap[value] ?? value) : value,
      ) as Record<string, unknown>;
      const text = JSON.stringify({
        ...file,
        benchmark: cluster,
        command: mode,
        data: policy,
        policies: { [policy]: mode },
      });
      const tags = readMarkup(toHtml(presentFile(text, "b.json", benchmark))).map(({ name }) => name);
      expect(new Set(tags)).toEqual(new Set(plain));
    }),
    { numRuns: portionOf(60) },
  );
});

test("a file that is none of ours is refused, and says where", () => {
  const [benchmark, presented] = madeUp("real-dag");
  const file = JSON.parse(presented.json()) as Record<string, unknown>;
  const parse = (value: unknown) => () => presentFile(JSON.stringify(value), "b.json", benchmark);
  expect(parse({ ...file, seeds: "1-3" })).toThrow("b.json: seeds: found");
  expect(parse({ ...file, summary: [{}] })).toThrow("b.json: summary[0].cluster: found nothing");
  expect(() => presentFile("{", "b.json", benchmark)).toThrow(InputError);
  const [agents] = madeUp("agents");
  expect(() => presentFile(presented.json(), "b.json", agents)).toThrow(InputError);
});

test.each(["real-dag", "agents"])("%s: whatever is in a file, it is read or refused", (name) => {
  const [benchmark, presented] = madeUp(name);
  const fields = Object.entries(JSON.parse(presented.json()) as Record<string, unknown>);
  fc.assert(
    fc.property(fc.nat(fields.length - 1), fc.jsonValue(), fc.boolean(), (index, value, inside) => {
      const [key, old] = fields[index] as [string, unknown];
      const put: unknown = inside && Array.isArray(old) ? [value, ...(old as unknown[])] : value;
      const text = JSON.stringify({ ...Object.fromEntries(fields), [key]: put });
      try {
        readMarkup(toHtml(presentFile(text, "b.json", benchmark)));
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
      }
    }),
    { numRuns: portionOf(100) },
  );
});

test("two runs are those of the subject and the strongest yardstick, where the benchmark says or else first", () => {
  const [, latencies] = madeUp("real-dag");
  expect(latencies.shown()).toEqual({
    cluster: "hetero-8",
    mode: "share-0.00",
    seed: 1,
    policies: ["fate", "greedy-finish-sharded"],
  });
  expect(latencies.shown(3)?.seed).toBe(3);
  const [, agents] = madeUp("agents");
  expect(agents.shown(2)).toEqual({
    cluster: "het1",
    mode: "mixed-load-3",
    seed: 2,
    policies: ["hexagent", "edf@projected"],
  });
});

test("a run agrees with the file if all its workflows do", () => {
  const [benchmark, presented] = madeUp("real-dag");
  const shown = presented.shown(2);
  const run = madeUpLatencies("hetero-8", "share-0.00").find(({ spec }) => spec.policy === "fate" && spec.seed === 2);
  if (shown === undefined || run === undefined) throw new Error("made up");
  const { result } = run;
  const [first = 0, ...rest] = result.latenciesUs;
  expect(presented.agrees(shown, result)).toBe(true);
  expect(presented.agrees(shown, { ...result, latenciesUs: [(first ?? 0) + 1, ...rest] })).toBe(false);
  expect(benchmark.report).toBe("policies");
});

test("how long plans took is shown where it is known", () => {
  const results = madeUpLatencies("hetero-8", "solo");
  const presented = present(about, benchmarks["real-dag"] as Benchmark, results);
  expect(textOf(renderHtml(presented.report(toDecisionTimes(results)), {}))).toContain("ms a plan");
});
