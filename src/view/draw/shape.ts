/** What can be drawn, the same on a canvas and as SVG: a list of shapes, later ones above earlier ones. */

export type Shape = Box | Path | Label;

export type Box = {
  readonly kind: "box";
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly fill?: Ink;
  readonly stroke?: Ink;
  readonly strokeWidth?: number;
  /** 0 to 1; 1 unless said. */
  readonly opacity?: number;
  readonly radius?: number;
};

export type Path = {
  readonly kind: "path";
  /** x and y in turn. */
  readonly points: readonly number[];
  readonly stroke: Ink;
  readonly width?: number;
  readonly dash?: readonly number[];
  readonly opacity?: number;
};

export type Label = {
  readonly kind: "label";
  readonly x: number;
  /** Of the baseline. */
  readonly y: number;
  readonly text: string;
  readonly ink: Ink;
  readonly size?: number;
  readonly anchor?: "start" | "middle" | "end";
  readonly strong?: boolean;
};

/** A colour by what it means; a palette says which it is. */
export type Ink =
  | "ground"
  | "card"
  | "band"
  | "line"
  | "ink"
  | "quiet"
  | "accent"
  | "warn"
  | "load"
  | "transfer"
  | "prefill"
  | "decode"
  | "hold"
  | "down"
  | "onLoad"
  | "onPrefill"
  | "onDecode"
  | Series;

/** Policies and settings side by side in a plot, in their order. */
type Series = "series1" | "series2" | "series3" | "series4" | "series5" | "series6" | "series7";

/** Characters of the size that fit into a width: text is never measured, so that both drawings are the same. */
export function fitText(text: string, width: number, size = 11): string {
  const most = Math.floor(width / (size * 0.6));
  if (text.length <= most) return text;
  return most < 3 ? "" : `${text.slice(0, most - 1)}…`;
}
