/** Shapes onto a canvas. */

import type { Palette } from "./palette.ts";
import type { Shape } from "./shape.ts";

/** What is used of a canvas, so that nothing here needs a browser. */
export type Canvas = {
  fillStyle: unknown;
  strokeStyle: unknown;
  lineWidth: number;
  globalAlpha: number;
  font: string;
  textAlign: string;
  fillRect(x: number, y: number, width: number, height: number): void;
  strokeRect(x: number, y: number, width: number, height: number): void;
  fillText(text: string, x: number, y: number): void;
  beginPath(): void;
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  stroke(): void;
  setLineDash(dash: number[]): void;
};

const font = "system-ui, -apple-system, 'Segoe UI', sans-serif";

export function paint(canvas: Canvas, shapes: readonly Shape[], palette: Palette): void {
  for (const shape of shapes) {
    if (shape.kind !== "label") canvas.globalAlpha = shape.opacity ?? 1;
    switch (shape.kind) {
      case "box": {
        const { x, y, width, height, fill, stroke, strokeWidth = 1 } = shape;
        if (fill !== undefined) {
          canvas.fillStyle = palette[fill];
          canvas.fillRect(x, y, width, height);
        }
        if (stroke !== undefined) {
          canvas.strokeStyle = palette[stroke];
          canvas.lineWidth = strokeWidth;
          canvas.strokeRect(x, y, width, height);
        }
        break;
      }
      case "path": {
        const { points, stroke, width = 1, dash } = shape;
        canvas.strokeStyle = palette[stroke];
        canvas.lineWidth = width;
        canvas.setLineDash(dash === undefined ? [] : [...dash]);
        canvas.beginPath();
        for (let at = 0; at + 1 < points.length; at += 2) {
          if (at === 0) canvas.moveTo(points[0] ?? 0, points[1] ?? 0);
          else canvas.lineTo(points[at] ?? 0, points[at + 1] ?? 0);
        }
        canvas.stroke();
        canvas.setLineDash([]);
        break;
      }
      case "label": {
        const { x, y, text, ink, size = 11, anchor = "start", strong = false } = shape;
        canvas.globalAlpha = 1;
        canvas.fillStyle = palette[ink];
        canvas.font = `${strong ? "600 " : ""}${size}px ${font}`;
        canvas.textAlign = anchor === "middle" ? "center" : anchor;
        canvas.fillText(text, x, y);
        break;
      }
    }
  }
  canvas.globalAlpha = 1;
}
