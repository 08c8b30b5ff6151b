/** Pieces of SVG plots that read well on a light page and on a dark one: no ground of their own, colours of middle lightness. */

const ink = "#7d8590";
const colours = ["#e5484d", "#3b82f6", "#d08700", "#16a34a", "#a855f7", "#0e9aa7", "#8b949e"];

export type Scale = (value: number) => number;

/** From values to pixels. */
export function linear([from, to]: readonly [number, number], [start, end]: readonly [number, number]): Scale {
  return (value) => start + ((value - from) / (to - from || 1)) * (end - start);
}

/** Round values between both, about `count` of them. */
export function ticksBetween(from: number, to: number, count = 5): readonly number[] {
  const rough = (to - from || 1) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) ?? 10) * power;
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

export function wrap(width: number, height: number, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" fill="${ink}">`,
    ...parts,
    "</svg>\n",
  ].join("\n");
}

type Anchor = "start" | "middle" | "end";

export function label(x: number, y: number, text: string, anchor: Anchor = "start", bold = false): string {
  const weight = bold ? ' font-weight="bold"' : "";
  return `<text x="${px(x)}" y="${px(y)}" text-anchor="${anchor}"${weight}>${escape(text)}</text>`;
}

/** A thin line across. */
export function rule(path: string, opacity = 0.3): string {
  return `<path d="${path}" stroke="${ink}" stroke-opacity="${opacity}" fill="none"/>`;
}

export function curve(path: string, colour: string): string {
  return `<path d="${path}" stroke="${colour}" stroke-width="1.8" stroke-linejoin="round" fill="none"/>`;
}

export function dot(x: number, y: number, colour: string): string {
  return `<circle cx="${px(x)}" cy="${px(y)}" r="3.2" fill="${colour}"/>`;
}

/** Names with their colours, side by side from `x` on, in rows that fit `width`. */
export function legend(names: readonly string[], x: number, y: number, width: number): string {
  let atX = x;
  let atY = y;
  return names
    .map((name, index) => {
      const own = 30 + name.length * 6.8;
      if (atX + own > x + width) [atX, atY] = [x, atY + 18];
      const colour = colourOf(index);
      const text = `<path d="M${px(atX)} ${px(atY - 4)}h16" stroke="${colour}" stroke-width="3"/>${label(atX + 21, atY, name)}`;
      atX += own;
      return text;
    })
    .join("\n");
}

export function colourOf(index: number): string {
  return colours[index % colours.length] ?? ink;
}

export function px(value: number): string {
  return String(Number(value.toFixed(1)));
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
