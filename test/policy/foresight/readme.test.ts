/** The example of the README of foresight: its picture and its times are those of two runs. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Journal } from "../../../src/journal/journal.ts";
import { foresightPolicies } from "../../../src/policy/foresight/ablations.ts";
import { drawTimeline, timelineHeight } from "../../../src/view/draw/timeline.ts";
import type { Shape } from "../../../src/view/draw/shape.ts";
import { toFigure } from "../../../src/view/draw/to-figure.ts";
import { Lanes } from "../../../src/view/scene/lanes.ts";
import { makespanUs } from "../../support/placements.ts";
import { runPlain } from "../../support/run-plain.ts";
import { half, threeAndOne } from "../../support/three-and-one.ts";

const example = { cluster: half, workflows: [threeAndOne] };
const engines = half.engines.length;

const runs = {
  "greedy-finish": runPlain({ policy: "greedy-finish", ...example }),
  foresight: runPlain({ policy: foresightPolicies["foresight"], ...example }),
};

const readme = readFileSync("src/policy/foresight/README.md", "utf8");

test("the picture shows both runs", async () => {
  const width = 720;
  const rowHeight = 30;
  const titleHeight = 24;
  const toUs = Math.max(...Object.values(runs).map(makespanUs));
  const panelHeight = titleHeight + timelineHeight(engines, rowHeight) + 8;
  const panel = (name: string, { events }: Journal, top: number): readonly Shape[] => {
    const lanes = new Lanes(half, 1000);
    for (const event of events) lanes.see(event);
    const view = { fromUs: 0, toUs, nowUs: toUs, width, rowHeight, scroll: 0, nameWidth: 80 };
    const shapes = drawTimeline(lanes.engines, { ...view, height: timelineHeight(engines, rowHeight) });
    return [
      { kind: "label", x: 0, y: top + 16, text: name, ink: "ink", size: 13, strong: true },
      ...shapes.map((shape) => moveDown(shape, top + titleHeight)),
    ];
  };
  const shapes = Object.entries(runs).flatMap(([name, journal], index) => panel(name, journal, index * panelHeight));
  const title = "The same workflow under greedy-finish and under foresight";
  const figure = toFigure({ shapes, width, height: 2 * panelHeight, title });
  await expect(figure).toMatchFileSnapshot("../../../docs/images/foresight-example.svg");
});

function moveDown(shape: Shape, by: number): Shape {
  if (shape.kind !== "path") return { ...shape, y: shape.y + by };
  return { ...shape, points: shape.points.map((value, at) => (at % 2 === 1 ? value + by : value)) };
}

test.each(Object.entries(runs))("%s ends when the text says", (_, journal) => {
  expect(readme).toContain(`${(makespanUs(journal) / 1e6).toFixed(1)} s`);
});
