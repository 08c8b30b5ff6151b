/**
 * The colours, by day and by night. Two for what is moved, orange and purple, and two for what is computed, dark and light blue:
 * they stay apart for readers who see no red or no green, and bars of different heights keep them apart without any colour.
 */

import type { Ink } from "./shape.ts";

export type Palette = Readonly<Record<Ink, string>>;

export const dayPalette: Palette = {
  ground: "#fbfaf7",
  card: "#ffffff",
  band: "#f3f1ec",
  line: "#ddd8ce",
  ink: "#1d2127",
  quiet: "#5a616d",
  accent: "#0f6f6a",
  warn: "#a3390f",
  load: "#e69f00",
  transfer: "#b5649b",
  prefill: "#0b5cad",
  decode: "#7cc3f0",
  hold: "#c9c4b8",
  down: "#8d4a3a",
  onLoad: "#1d1500",
  onPrefill: "#ffffff",
  onDecode: "#08263d",
  series1: "#1660b0",
  series2: "#b8481b",
  series3: "#2a7d3f",
  series4: "#8a3fa0",
  series5: "#a36b00",
  series6: "#0a7d84",
  series7: "#6b7280",
};

export const nightPalette: Palette = {
  ground: "#14161a",
  card: "#1c1f25",
  band: "#191c21",
  line: "#343a44",
  ink: "#e9e7e2",
  quiet: "#a7aeba",
  accent: "#5fc8bd",
  warn: "#f0a07a",
  load: "#e0a021",
  transfer: "#bb7aa6",
  prefill: "#2671c4",
  decode: "#8fd0f7",
  hold: "#4b515c",
  down: "#a8604e",
  onLoad: "#1d1500",
  onPrefill: "#ffffff",
  onDecode: "#08263d",
  series1: "#6cb6ff",
  series2: "#f0883e",
  series3: "#5bc46f",
  series4: "#d2a0ea",
  series5: "#e3b341",
  series6: "#4fc7cf",
  series7: "#9aa3af",
};

/** For drawings inside a page whose style has the inks as variables, so that they turn with it. */
export const pagePalette = Object.fromEntries(
  Object.keys(dayPalette).map((ink) => [ink, `var(--${ink})`]),
) as unknown as Palette;

/** The inks as variables of a page's style. */
export const paletteVariables: string = Object.entries(dayPalette)
  .map(([ink, day]) => `  --${ink}: light-dark(${day}, ${nightPalette[ink as keyof Palette]});`)
  .join("\n");
