/** Reads Prometheus text format 0.0.4 and forgives nothing: an exposition that this takes, a scraper takes. */

import { strict as assert } from "node:assert";

export type Exposition = {
  readonly types: ReadonlyMap<string, string>;
  /** Value by name and labels as written. */
  readonly samples: ReadonlyMap<string, number>;
};

const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|\+Inf|NaN)$/;
const labelPair = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(?:,|$)/;

export function parsePrometheus(text: string): Exposition {
  assert(text.endsWith("\n"), "the last line has no end");
  // oxlint-disable-next-line no-control-regex -- a line end is the only control character there may be
  assert(!/[\u0000-\u0009\u000b-\u001f\u007f]/.test(text), "a control character");
  assert(text.isWellFormed(), "half a surrogate pair");
  const types = new Map<string, string>();
  const helped = new Set<string>();
  const samples = new Map<string, number>();
  let family = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const [, keyword, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword === "HELP") {
      assert(!helped.has(name), `${name} has two HELP lines`);
      helped.add(name);
    } else if (keyword === "TYPE") {
      assert(helped.has(name) && !types.has(name), `TYPE of ${name} without its HELP, or twice`);
      assert(["counter", "gauge", "histogram"].includes(rest), `unknown type ${rest}`);
      types.set(name, rest);
      family = name;
    } else {
      readSample(line, family, types.get(family) ?? "", samples);
    }
  }
  for (const [name, type] of types) if (type === "histogram") checkHistograms(name, samples);
  return { types, samples };
}

function readSample(line: string, family: string, type: string, samples: Map<string, number>): void {
  const [, name = "", labels = "", value = ""] = sampleLine.exec(line) ?? assert.fail(`no sample: ${line}`);
  const suffix = name.slice(family.length);
  const suffixes = type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
  assert(name.startsWith(family) && suffixes.includes(suffix), `${name} stands under ${family}`);
  if (type === "counter") assert(name.endsWith("_total"), `counter ${name} is not a _total`);
  const names = new Set<string>();
  for (let rest = labels; rest !== "";) {
    const [pair, label = ""] = labelPair.exec(rest) ?? assert.fail(`no labels: ${rest}`);
    assert(!names.has(label), `label ${label} twice`);
    names.add(label);
    rest = rest.slice(pair.length);
  }
  assert(names.has("le") === (suffix === "_bucket"), `le belongs to buckets only: ${line}`);
  const key = labels === "" ? name : `${name}{${labels}}`;
  assert(!samples.has(key), `${key} twice`);
  samples.set(key, Number(value.replace("Inf", "Infinity")));
}

/** Buckets ascend, the last is all, and all is the count. */
function checkHistograms(name: string, samples: ReadonlyMap<string, number>): void {
  const lastOf = new Map<string, { le: number; count: number }>();
  for (const [key, count] of samples) {
    const [, labels = "", bound = ""] = new RegExp(`^${name}_bucket\\{(?:(.*),)?le="(.+)"\\}$`).exec(key) ?? [];
    if (bound === "") continue;
    const le = Number(bound.replace("+Inf", "Infinity"));
    const last = lastOf.get(labels) ?? { le: -Infinity, count: 0 };
    assert(le > last.le && count >= last.count, `${key} descends`);
    lastOf.set(labels, { le, count });
  }
  for (const [labels, { le, count }] of lastOf) {
    const braced = labels === "" ? "" : `{${labels}}`;
    assert(le === Infinity, `${name} of ${labels} ends at ${le}`);
    assert.equal(samples.get(`${name}_count${braced}`), count);
    assert(samples.has(`${name}_sum${braced}`), `${name} of ${labels} has no sum`);
  }
}
