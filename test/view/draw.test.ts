import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { showClock, showDuration, toTicks } from "../../src/view/draw/axis.ts";
import { drawGraph, layOut, nodeHeight, nodeWidth, type GraphNode } from "../../src/view/draw/graph.ts";
import { dayPalette, nightPalette, type Palette } from "../../src/view/draw/palette.ts";
import type { Ink } from "../../src/view/draw/shape.ts";
import { hitTimeline } from "../../src/view/draw/hit.ts";
import { drawTimeline, toX, type TimelineView } from "../../src/view/draw/timeline.ts";
import { stack } from "../../src/view/draw/stack.ts";
import { toSvg } from "../../src/view/draw/to-svg.ts";
import { paint, type Canvas } from "../../src/view/draw/to-canvas.ts";
import type { EngineLanes } from "../../src/view/scene/span.ts";
import { createScene } from "../../src/view/scene/scene.ts";
import { cluster, dag, run } from "../support/build.ts";

const view: TimelineView = {
  fromUs: 0,
  toUs: 10_000_000,
  width: 600,
  height: 122,
  rowHeight: 50,
  scroll: 0,
  nameWidth: 100,
  nowUs: 10_000_000,
};

const rows: EngineLanes[] = [
  {
    engine: "left",
    lanes: [
      [
        { activity: "load", startUs: 0, endUs: 2_000_000, model: "small" },
        {
          activity: "prefill",
          startUs: 2_000_000,
          endUs: 3_000_000,
          stage: "w/a",
          share: 0,
          shares: 2,
          attempt: 0,
          model: "small",
        },
        {
          activity: "decode",
          startUs: 3_000_000,
          endUs: Infinity,
          stage: "w/a",
          share: 0,
          shares: 2,
          attempt: 0,
          model: "small",
        },
      ],
    ],
  },
  {
    engine: "right",
    lanes: [
      [
        {
          activity: "decode",
          startUs: 4_000_000,
          endUs: 6_000_000,
          stage: "w/a",
          share: 1,
          shares: 2,
          attempt: 0,
          model: "small",
        },
      ],
    ],
  },
];

describe("the timeline", () => {
  test("a bar stands where its time is, and what goes on still ends now", () => {
    const bars = drawTimeline(rows, view).filter(
      (shape) => shape.kind === "box" && shape.fill !== undefined && ["load", "prefill", "decode"].includes(shape.fill),
    );
    expect(bars.map((bar) => (bar.kind === "box" ? [bar.fill, bar.x, bar.x + bar.width] : []))).toEqual([
      ["load", 100, 200],
      ["prefill", 200, 250],
      ["decode", 250, 600],
      ["decode", 300, 400],
    ]);
  });

  test("what is under a point is what is drawn there", () => {
    const at = (x: number, y: number): unknown => {
      const hit = hitTimeline(rows, view, x, y);
      return hit === undefined ? undefined : [hit.engine, hit.span?.activity];
    };
    expect([at(150, 40), at(225, 40), at(400, 40), at(350, 90), at(450, 90), at(50, 40), at(150, 10)]).toEqual([
      ["left", "load"],
      ["left", "prefill"],
      ["left", "decode"],
      ["right", "decode"],
      ["right", undefined],
      ["left", undefined],
      undefined,
    ]);
  });

  test("shares of one stage are joined where both are seen", () => {
    const joins = (more: Partial<TimelineView>): number =>
      drawTimeline(rows, { ...view, ...more }).filter(
        (shape) => shape.kind === "path" && (shape.stroke === "ink" || shape.stroke === "quiet"),
      ).length;
    expect([joins({}), joins({ stage: "w/a" })]).toEqual([1, 1]);
    expect(joins({ fromUs: 7_000_000 })).toBe(0);
  });

  test("however many spans there are, a lane is drawn in no more bars than it has pixels to spare", () => {
    const lane = Array.from({ length: 200_000 }, (_, index) => ({
      activity: "decode" as const,
      startUs: index * 50,
      endUs: index * 50 + 40,
      stage: `w/${index}`,
    }));
    expect(drawTimeline([{ engine: "busy", lanes: [lane] }], view).length).toBeLessThan(1100);
  });
});

test("drawings in a stack stand below one another, as they were but for their height", () => {
  const own = drawTimeline(rows, view);
  const { shapes, height } = stack([
    { title: "first", shapes: own, height: view.height },
    { title: "second", shapes: own, height: view.height },
  ]);
  const tops = shapes.flatMap((shape) =>
    shape.kind === "label" && shape.strong === true ? [[shape.text, shape.y]] : [],
  );
  expect(tops).toEqual([
    ["first", 16],
    ["second", 16 + view.height + 24 + 12],
  ]);
  expect(height).toBe(2 * (view.height + 24) + 12);
  const boxes = shapes.filter((shape) => shape.kind === "box");
  expect(boxes.slice(0, boxes.length / 2)).toEqual(
    own.filter((shape) => shape.kind === "box").map((shape) => ({ ...shape, y: shape.y + 24 })),
  );
});

describe("a graph", () => {
  test("each stage stands right of its parents, and no two on one place", () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: 1, maxLength: 30 }), (edges) => {
        const nodes = edges.map((from, index): GraphNode => {
          const parents = index === 0 ? [] : [...new Set(from.map((at) => `n${at % index}`))];
          return {
            key: `n${index}`,
            id: `n${index}`,
            parents,
            what: "m",
            status: "over",
            times: [],
            totalUs: 1,
            critical: false,
          };
        });
        const { places, width, height } = layOut(nodes);
        const taken = new Set<string>();
        for (const { key, parents } of nodes) {
          const { x, y } = places.get(key) ?? { x: -1, y: -1 };
          taken.add(`${x} ${y}`);
          expect(x >= 0 && y >= 0 && x + nodeWidth <= width && y + nodeHeight <= height).toBe(true);
          for (const parent of parents) expect(places.get(parent)?.x).toBeLessThan(x);
        }
        expect(taken.size).toBe(nodes.length);
        expect(drawGraph(nodes, { places, width, height })).not.toHaveLength(0);
      }),
      { numRuns: 100 },
    );
  });
});

/** Any code units, halves of a pair too. */
const anyText = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 })
  .map((units) => String.fromCharCode(...units));

test("whatever a text says, it ends as text of a well-formed drawing", () => {
  fc.assert(
    fc.property(
      anyText,
      fc.constantFrom("<img src=x onerror=alert(1)>", "</text><script>", "]]>", "\u0000", "\ud800", ""),
      (text, nasty) => {
        const svg = toSvg(
          [{ kind: "label", x: 0, y: 0, text: text + nasty, ink: "ink" }],
          { width: 10, height: 10, title: nasty + text },
          dayPalette,
        );
        expect(svg.match(/<[a-z/]+/g)).toEqual(["<svg", "<title", "</title", "<rect", "<text", "</text", "</svg"]);
        expect(svg.isWellFormed()).toBe(true);
        // eslint-disable-next-line no-control-regex
        expect(svg).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/);
      },
    ),
    { numRuns: 100 },
  );
});

test("a canvas and an SVG show the same bars", () => {
  const { header, events } = run({ workflows: [dag("plan -> a, b -> join")], cluster: cluster("h100 h100") });
  const scene = createScene(header, events);
  const shapes = drawTimeline(scene.lanes.engines, { ...view, toUs: scene.lastUs, nowUs: scene.lastUs });
  const painted: number[][] = [];
  paint(recorder(painted), shapes, dayPalette);
  const svg = toSvg(shapes, { width: view.width, height: view.height, title: "t" }, dayPalette);
  const boxes = [...svg.matchAll(/<rect x="([\d.-]+)" y="([\d.-]+)" width="([\d.]+)" height="([\d.]+)" fill="#/g)].map(
    ([, ...place]) => place.map(Number),
  );
  expect(boxes.length).toBeGreaterThan(8);
  expect(painted.map((place) => place.map((value) => Math.round(value * 100) / 100))).toEqual(boxes);
});

function recorder(painted: number[][]): Canvas {
  const nothing = (): void => {};
  const fillRect = (...place: number[]): void => void painted.push(place);
  const look = { fillStyle: "", strokeStyle: "", lineWidth: 1, globalAlpha: 1, font: "", textAlign: "" };
  return {
    ...look,
    fillRect,
    strokeRect: nothing,
    fillText: nothing,
    beginPath: nothing,
    moveTo: nothing,
    lineTo: nothing,
    stroke: nothing,
    setLineDash: nothing,
  };
}

describe("contrast, by WCAG's formula", () => {
  const pairs: [Ink, Ink][] = [
    ...(["ink", "quiet", "accent", "warn"] as const).flatMap((text): [Ink, Ink][] => [
      [text, "ground"],
      [text, "card"],
      [text, "band"],
    ]),
    ["onLoad", "load"],
    ["onPrefill", "prefill"],
    ["onDecode", "decode"],
  ];
  test.each([
    ["day", dayPalette],
    ["night", nightPalette],
  ])("by %s, text is readable: 4.5 to 1 at the least", (_, palette) => {
    for (const [text, ground] of pairs)
      expect([text, ground, contrast(palette, text, ground) >= 4.5]).toEqual([text, ground, true]);
  });

  test.each([
    ["day", dayPalette],
    ["night", nightPalette],
  ])("by %s, the two that are computed and the two that are moved differ in brightness too", (_, palette) => {
    expect(contrast(palette, "prefill", "decode")).toBeGreaterThan(1.5);
    expect(contrast(palette, "load", "transfer")).toBeGreaterThan(1.2);
    for (const phase of ["transfer", "prefill"] as const) expect(contrast(palette, phase, "ground")).toBeGreaterThan(3);
  });
});

function contrast(palette: Palette, one: Ink, other: Ink): number {
  const [light = 0, dark = 0] = [luminance(palette[one]), luminance(palette[other])].sort(
    (left, right) => right - left,
  );
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

describe("the axis", () => {
  test("ticks are at multiples of one step, inside, and no more than asked for", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1e12 }),
        fc.integer({ min: 1, max: 1e11 }),
        fc.integer({ min: 1, max: 20 }),
        (fromUs, spanUs, most) => {
          const ticks = toTicks(fromUs, fromUs + spanUs, most);
          expect(ticks.length).toBeLessThanOrEqual(most + 1);
          for (const { atUs } of ticks) expect(atUs >= fromUs && atUs <= fromUs + spanUs).toBe(true);
          expect(new Set(ticks.map(({ label }) => label)).size).toBe(ticks.length);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("times are said as people say them", () => {
    expect([0, 1500, 2_500_000, 65_000_000, 3_725_000_000].map((us) => showClock(us))).toEqual(
      ["0 ms", "2 ms", "2.500 s", "1:05", "1:02:05"].map((text, index) =>
        index === 3 ? "1:05.000" : index === 4 ? "1:02:05.000" : text,
      ),
    );
    expect([850, 12_345, 4_560_000, 125_000_000, 3_840_000_000, -1500].map(showDuration)).toEqual([
      "850 µs",
      "12.3 ms",
      "4.56 s",
      "2 min 5 s",
      "1 h 4 min",
      "-1.50 ms",
    ]);
    expect(toX(view, 5_000_000)).toBe(350);
  });
});
