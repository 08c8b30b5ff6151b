import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { condense, mostShares } from "../../src/view/draw/condense.ts";
import { dayPalette, nightPalette, type Palette } from "../../src/view/draw/palette.ts";
import { curve, dot, legend, move, seriesInk } from "../../src/view/draw/plot.ts";
import { linear, ticksBetween } from "../../src/view/draw/scale.ts";
import type { Shape } from "../../src/view/draw/shape.ts";
import { toFigure } from "../../src/view/draw/to-figure.ts";
import { toSvg } from "../../src/view/draw/to-svg.ts";
import type { EngineLanes, Span } from "../../src/view/scene/span.ts";

const series = Array.from({ length: 7 }, (_, index) => index);

describe("series", () => {
  test.each([
    ["day", dayPalette],
    ["night", nightPalette],
  ])("by %s, lines stand out from what is under them: 3 to 1 at the least", (_, palette) => {
    for (const index of series)
      for (const ground of ["ground", "band", "card"] as const)
        expect(contrast(palette[seriesInk(index)], palette[ground])).toBeGreaterThanOrEqual(3);
  });

  test.each([
    ["day", dayPalette],
    ["night", nightPalette],
  ])("by %s, no two have both colour and dashes in common", (_, palette: Palette) => {
    const looks = series.map((index) => `${palette[seriesInk(index)]} ${String(curve([], index).dash)}`);
    expect(new Set(looks).size).toBe(series.length);
  });
});

test("a figure has a colour of the night for each colour of the day", () => {
  const shapes: readonly Shape[] = [
    { kind: "label", x: 0, y: 9, text: "t", ink: "quiet" },
    curve([0, 0, 1, 1], 1),
    dot(1, 1, 2),
  ];
  const svg = toFigure({ width: 10, height: 10, title: "t", shapes });
  const drawn = new Set([...svg.matchAll(/ (?:fill|stroke)="(#\w+)"/g)].map(([, colour]) => colour));
  expect(drawn).toEqual(new Set([dayPalette.ground, dayPalette.quiet, dayPalette.series2, dayPalette.series3]));
  for (const ink of ["ground", "quiet", "series2", "series3"] as const)
    expect(svg).toContain(`[fill="${dayPalette[ink]}"]{fill:${nightPalette[ink]}}`);
});

test("a curve goes through its points, across and down where it can", () => {
  const svg = toSvg([curve([0, 0, 5, 0, 5, 2.346, 7, 3, 7, 3], 0)], { width: 9, height: 9, title: "t" }, dayPalette);
  expect(svg).toContain('<path d="M0 0H5V2.35L7 3H7" fill="none"');
});

test("a legend breaks into rows that fit, and says where it ends", () => {
  const names = ["one", "another", "a third of them", "four"];
  const { shapes, bottom } = legend(names, { x: 10, y: 20, width: 210, dashed: true });
  const labels = shapes.filter((shape) => shape.kind === "label");
  expect(labels.map(({ text }) => text)).toEqual(names);
  expect(labels.map(({ y }) => y)).toEqual([20, 20, 38, 38]);
  expect(bottom).toBe(44);
});

test("what is moved is the same elsewhere", () => {
  const shapes: readonly Shape[] = [curve([0, 1, 2, 3], 0), dot(5, 5, 0)];
  expect(move(shapes, 10, 100)).toEqual([curve([10, 101, 12, 103], 0), dot(15, 105, 0)]);
});

test("ticks are round, in order and between the ends, and a scale meets its ends", () => {
  fc.assert(
    fc.property(fc.integer({ min: -1000, max: 1000 }), fc.integer({ min: 1, max: 5000 }), (from, span) => {
      const ticks = ticksBetween(from, from + span);
      expect(ticks.length).toBeGreaterThan(0);
      expect(ticks.length).toBeLessThanOrEqual(12);
      for (const [index, tick] of ticks.entries()) {
        expect(tick).toBeGreaterThanOrEqual(from - 1e-6);
        expect(tick).toBeLessThanOrEqual(from + span + 1e-6);
        if (index > 0) expect(tick).toBeGreaterThan(ticks[index - 1] ?? 0);
      }
      const scale = linear([from, from + span], [10, 110]);
      expect([scale(from), scale(from + span)]).toEqual([10, 110]);
    }),
    { numRuns: 100 },
  );
  expect(ticksBetween(0, 1, 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
});

describe("an engine with many shares, condensed", () => {
  const span = (activity: Span["activity"], startUs: number, endUs: number): Span => ({ activity, startUs, endUs });
  const engine: EngineLanes = {
    engine: "e",
    lanes: [[span("prefill", 0, 10), span("decode", 10, 40)], [span("decode", 0, 20)], [span("decode", 0, Infinity)]],
  };
  const time = { fromUs: 0, toUs: 40, steps: 4 };

  test("has as many lanes filled from below as it has shares, those that compute at the bottom", () => {
    expect(mostShares(engine, time)).toBe(3);
    const [condensed] = condense([engine], { ...time, levels: 3, most: new Map([["e", 3]]) });
    expect(condensed).toEqual({
      engine: "e",
      lanes: [[span("prefill", 0, 10), span("decode", 10, 20)], [span("decode", 0, 40)], [span("decode", 0, 40)]],
    });
  });

  test("is scaled to the most shares in any run, and never fuller than full", () => {
    const half = condense([engine], { ...time, levels: 2, most: new Map([["e", 6]]) });
    expect(half[0]?.lanes).toEqual([[], [span("decode", 0, 40)]]);
    const over = condense([engine], { ...time, levels: 2, most: new Map([["e", 1]]) });
    expect(over[0]?.lanes).toEqual([[span("decode", 0, 40)], [span("decode", 0, 40)]]);
    expect(condense([{ engine: "idle", lanes: [] }], { ...time, levels: 2, most: new Map() })[0]?.lanes).toEqual([
      [],
      [],
    ]);
  });
});

function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((left, right) => right - left);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
