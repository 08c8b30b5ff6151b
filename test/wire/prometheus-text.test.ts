/** Metrics as servers write them. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { maxLineCharacters, maxSamples, parsePrometheusText } from "../../src/wire/prometheus-text.ts";

const parse = (text: string): [Record<string, string>, number][] | number => {
  const { byName, spoilt } = parsePrometheusText(text, ["m"]);
  const samples = byName.get("m");
  return samples === undefined ? spoilt : samples.map(({ labels, value }) => [Object.fromEntries(labels), value]);
};

test.each([
  ["m 1", {}, 1],
  ["m\t-1.5e-3  1700000000000", {}, -0.0015],
  ["m{} 2\r", {}, 2],
  ['m{a="b"} .5', { a: "b" }, 0.5],
  ['m{a="b",} 3.', { a: "b" }, 3],
  ['m { a = "b" , c="d" } 3', { a: "b", c: "d" }, 3],
  ['m{a="} 9",b="\\"\\\\\\n"} 4', { a: "} 9", b: '"\\\n' }, 4],
  ["m +Inf", {}, Infinity],
  ["m -inf", {}, -Infinity],
  ["m nan", {}, NaN],
  ['m 1 # {trace_id="x"} 0.5', {}, 1],
  ['m{le="0.1"} 7 # {trace_id="x"} 0.5 1700000000.1', { le: "0.1" }, 7],
])("%s", (line, labels, value) => {
  expect(parse(`# HELP m help\n# TYPE m gauge\n${line}\nother 3\nmore_m 4\nm_total 5\n# EOF`)).toEqual([
    [labels, value],
  ]);
});

test.each(["m", "m1 2", "m{", "m{a} 1", 'm{a="b} 1', 'm{a="b" c="d"} 1', "m one", "m 1 2 3", "m{}", "m 0x10", "m-1"])(
  "%s is no sample",
  (line) => {
    expect(parse(line)).toBe(line === "m1 2" ? 0 : 1);
  },
);

test("samples of one name are bounded", () => {
  const { byName, spoilt } = parsePrometheusText("m 1\n".repeat(maxSamples + 5), ["m"]);
  expect([byName.get("m")?.length, spoilt]).toEqual([maxSamples, 5]);
});

test("whatever is written is read back, and anything at all is read without a fault", () => {
  const label = fc.tuple(fc.stringMatching(/^[a-z_]\w{0,4}$/), fc.string({ unit: "grapheme" }));
  const line = fc.record({ labels: fc.array(label, { maxLength: 3 }), value: fc.double(), noise: fc.string() });
  const escape = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
  fc.assert(
    fc.property(line, ({ labels, value, noise }) => {
      const written = labels.map(([name, text]) => `${name}="${escape(text)}"`).join(",");
      const shown = Object.is(value, -0) ? 0 : value;
      const sample = `m{${written}} ${shown === Infinity ? "+Inf" : shown === -Infinity ? "-Inf" : shown}`;
      expect(parse(`${sample}\n`)).toEqual([[Object.fromEntries(labels), shown]]);
      parsePrometheusText(`m${noise}\nm{${noise}} 1\n${noise}`, ["m"]);
    }),
    { numRuns: 200 },
  );
});

test("a very long line is passed over", () => {
  const labelled = (length: number): string => `m{a="${"b".repeat(length)}"} 1`;
  expect(parse(labelled(maxLineCharacters))).toBe(1);
  expect(parse(labelled(maxLineCharacters / 2))).toHaveLength(1);
  expect(parse(`m{a="${"\\\\".repeat(10_000)}`)).toBe(1);
  expect(parse(`m ${"9".repeat(60_000)}x`)).toBe(1);
});
