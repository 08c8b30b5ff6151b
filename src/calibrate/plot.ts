/** Scatter plots of modelled over measured times, both logarithmic, as one SVG. On the diagonal the model is right. */

import type { Comparison } from "./errors.ts";

const size = 420;
const margin = 60;
const colours = ["#2563eb", "#d97706", "#059669", "#db2777", "#7c3aed", "#0891b2", "#65a30d", "#dc2626"];

export function plotComparisons(compared: readonly Comparison[]): string {
  const models = [...new Set(compared.map(({ model, gpu }) => `${model} on ${gpu}`))].sort();
  const colourOf = ({ model, gpu }: Comparison): string =>
    colours[models.indexOf(`${model} on ${gpu}`) % colours.length] ?? "#000";
  const legend = models.map((model, index) => {
    const y = margin + 14 + index * 16;
    const colour = colours[index % colours.length] ?? "#000";
    return `<circle cx="${margin + 14}" cy="${y - 4}" r="4" fill="${colour}"/><text x="${margin + 24}" y="${y}">${model}</text>`;
  });
  const panels = (["perTokenMs", "firstTokenMs"] as const).map((time, index) => {
    const title = time === "perTokenMs" ? "time per output token (ms)" : "time to first token (ms)";
    return `<g transform="translate(${index * (size + margin)},0)">${plotPanel(compared, time, title, colourOf)}</g>`;
  });
  const width = 2 * (size + margin) + margin;
  const height = size + 2 * margin;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...panels,
    ...legend,
    "</svg>\n",
  ].join("\n");
}

function plotPanel(
  compared: readonly Comparison[],
  time: "perTokenMs" | "firstTokenMs",
  title: string,
  colourOf: (comparison: Comparison) => string,
): string {
  const values = compared.flatMap(({ row, modelled }) => [row[time], modelled[time]]);
  const least = Math.floor(Math.log10(Math.min(...values, 1e9)));
  const most = Math.max(least + 1, Math.ceil(Math.log10(Math.max(...values, 1e-9))));
  const scale = (value: number): number => ((Math.log10(value) - least) / (most - least)) * size;
  const x = (value: number): string => (margin + scale(value)).toFixed(1);
  const y = (value: number): string => (margin + size - scale(value)).toFixed(1);
  const ends = [10 ** least, 10 ** most] as const;
  const ticks = Array.from({ length: most - least + 1 }, (_, index) => 10 ** (least + index)).map(
    (tick) =>
      `<path d="M${x(tick)} ${y(ends[0])}V${y(ends[1])}M${x(ends[0])} ${y(tick)}H${x(ends[1])}" stroke="#e5e7eb"/>` +
      `<text x="${x(tick)}" y="${margin + size + 18}" text-anchor="middle">${tick}</text>` +
      `<text x="${margin - 8}" y="${y(tick)}" dy="4" text-anchor="end">${tick}</text>`,
  );
  const points = compared.map(
    (comparison) =>
      `<circle cx="${x(comparison.row[time])}" cy="${y(comparison.modelled[time])}" r="3" fill="${colourOf(comparison)}" fill-opacity="0.6"/>`,
  );
  return [
    ...ticks,
    `<path d="M${x(ends[0])} ${y(ends[0])}L${x(ends[1])} ${y(ends[1])}" stroke="#6b7280"/>`,
    ...points,
    `<text x="${margin + size / 2}" y="${margin - 14}" text-anchor="middle" font-weight="bold">${title}</text>`,
    `<text x="${margin + size / 2}" y="${margin + size + 40}" text-anchor="middle">measured</text>`,
    `<text transform="translate(16,${margin + size / 2}) rotate(-90)" text-anchor="middle">modelled</text>`,
  ].join("\n");
}
