/** Numbers and states as the page says them. */

import type { Risk } from "../scene/outlook.ts";
import { showDuration } from "../draw/axis.ts";

export function showCount(value: number): string {
  if (value < 10_000) return String(Math.round(value));
  if (value < 1e6) return `${(value / 1e3).toFixed(1)}k`;
  return value < 1e9 ? `${(value / 1e6).toFixed(1)}M` : `${(value / 1e9).toFixed(1)}G`;
}

export function showShare(part: number, whole: number): string {
  return whole <= 0 ? "–" : `${((part / whole) * 100).toFixed(part === whole || part === 0 ? 0 : 1)} %`;
}

export function showBytes(bytes: number): string {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(0)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/** Colour alone says nothing: each has its sign and its word. */
export function showRisk(risk: Risk, deadlineUs: number | undefined, endUs: number, nowUs: number): string {
  const leftUs = (deadlineUs ?? 0) - nowUs;
  switch (risk) {
    case "late":
      return `▲ late by ${showDuration(-leftUs)}`;
    case "risky":
      return `▲ at risk, ${showDuration(endUs - (deadlineUs ?? 0))} short`;
    case "tight":
      return `◆ tight, due in ${showDuration(leftUs)}`;
    case "fine":
      return `due in ${showDuration(leftUs)}`;
    case "none":
      return "no deadline";
    case "met":
      return "met its deadline";
    case "missed":
      return `▲ missed by ${showDuration(endUs - (deadlineUs ?? 0))}`;
    case "over":
      return "over";
  }
}
