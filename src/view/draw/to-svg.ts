/** Shapes as a whole SVG document. Whatever a text says, it ends as text. */

import type { Palette } from "./palette.ts";
import type { Shape } from "./shape.ts";

export type Picture = {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  /** Rules of its own, for what a palette alone cannot say. */
  readonly style?: string;
};

const font = "system-ui, -apple-system, 'Segoe UI', sans-serif";

export function toSvg(shapes: readonly Shape[], { width, height, title, style }: Picture, palette: Palette): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${round(width)}" height="${round(height)}" viewBox="0 0 ${round(width)} ${round(height)}" role="img" font-family="${font}">`,
    `<title>${escapeText(title)}</title>`,
    ...(style === undefined ? [] : [`<style>${style}</style>`]),
    `<rect width="${round(width)}" height="${round(height)}" fill="${palette.ground}"/>`,
    ...shapes.map((shape) => toElement(shape, palette)),
    "</svg>",
    "",
  ].join("\n");
}

function toElement(shape: Shape, palette: Palette): string {
  switch (shape.kind) {
    case "box": {
      const { x, y, width, height, fill, stroke, strokeWidth = 1, opacity = 1, radius = 0 } = shape;
      const place = `x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"`;
      const edge = stroke === undefined ? "" : ` stroke="${palette[stroke]}" stroke-width="${strokeWidth}"`;
      return `<rect ${place} fill="${fill === undefined ? "none" : palette[fill]}"${edge}${faint(opacity)}${radius > 0 ? ` rx="${radius}"` : ""}/>`;
    }
    case "path": {
      const { points, stroke, width = 1, dash, opacity = 1 } = shape;
      const dashes = dash === undefined ? "" : ` stroke-dasharray="${dash.join(" ")}"`;
      return `<path d="${toPathData(points)}" fill="none" stroke="${palette[stroke]}" stroke-width="${width}"${dashes}${faint(opacity)}/>`;
    }
    case "label": {
      const { x, y, text, ink, size = 11, anchor = "start", strong = false } = shape;
      const weight = strong ? ' font-weight="600"' : "";
      return `<text x="${round(x)}" y="${round(y)}" fill="${palette[ink]}" font-size="${size}" text-anchor="${anchor}"${weight}>${escapeText(text)}</text>`;
    }
  }
}

/** Steps take half as much as points would. */
function toPathData(points: readonly number[]): string {
  let data = "";
  let [fromX, fromY] = ["", ""];
  for (let at = 0; at + 1 < points.length; at += 2) {
    const [x, y] = [round(points[at] ?? 0), round(points[at + 1] ?? 0)];
    if (at === 0) data = `M${x} ${y}`;
    else if (y === fromY) data += `H${x}`;
    else if (x === fromX) data += `V${y}`;
    else data += `L${x} ${y}`;
    [fromX, fromY] = [x, y];
  }
  return data;
}

function faint(opacity: number): string {
  return opacity === 1 ? "" : ` opacity="${opacity}"`;
}

function round(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** XML knows no control characters, and no halves of a pair. */
export function escapeText(text: string): string {
  return (
    text
      .toWellFormed()
      // eslint-disable-next-line no-control-regex
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;")
      .replaceAll("'", "&#39;")
  );
}
