/**
 * Comparisons. A small template can look through the same long text or list many times over, so all that is looked at is counted: a
 * character of a text, or an entry of a list, is one. Each costs no more time than what is counted for it.
 */

import type { Comparison } from "./expression.ts";
import { createRoom, type Room } from "./room.ts";
import type { Json } from "./wire.ts";

/** Of all comparisons of a run, and, of those over its inputs alone, when it is submitted. */
export const maxCompared = { inRun: 50_000_000, ahead: 10_000_000 };

export function createComparing(most = maxCompared.inRun): Room {
  return createRoom(most, `comparisons look at more than ${most} characters and entries`);
}

export function compare(by: Comparison, left: Json, right: Json, room: Room): boolean {
  switch (by) {
    case "==":
      return isSame(left, right, room);
    case "!=":
      return !isSame(left, right, room);
    case "contains":
      if (typeof left === "string") return typeof right === "string" && isIn(left, right, room);
      return Array.isArray(left) && isAmong(left, right, room);
    default:
      if (typeof left === "number" && typeof right === "number") return inOrder(by, left - right);
      if (typeof left !== "string" || typeof right !== "string") return false;
      room.take(Math.min(left.length, right.length));
      return inOrder(by, left < right ? -1 : left > right ? 1 : 0);
  }
}

function isAmong(list: readonly Json[], sought: Json, room: Room): boolean {
  room.take(list.length);
  if (typeof sought !== "string") return list.includes(sought);
  for (const entry of list) if (isSame(entry, sought, room)) return true;
  return false;
}

/** Texts of different lengths are told apart without a look. */
function isSame(left: Json, right: Json, room: Room): boolean {
  if (typeof left === "string" && typeof right === "string" && left.length === right.length) room.take(left.length);
  return left === right;
}

function inOrder(by: "<" | "<=" | ">" | ">=", difference: number): boolean {
  switch (by) {
    case "<":
      return difference < 0;
    case "<=":
      return difference <= 0;
    case ">":
      return difference > 0;
    case ">=":
      return difference >= 0;
    default:
      return by satisfies never;
  }
}

/** The engine's own search is fast, but looks at some texts as often as what is sought is long. */
const shortText = 16;

function isIn(text: string, sought: string, room: Room): boolean {
  if (sought.length > text.length) return false;
  room.take(text.length + sought.length);
  if (sought.length <= shortText) return text.includes(sought);
  const restarts = toRestarts(sought);
  let matched = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    while (matched > 0 && sought.charCodeAt(matched) !== code) matched = restarts[matched - 1] ?? 0;
    if (sought.charCodeAt(matched) === code) matched += 1;
    if (matched === sought.length) return true;
  }
  return false;
}

/** Of each beginning of the text: how much of its end the text begins with. Knuth, Morris and Pratt 1977. */
function toRestarts(text: string): Int32Array {
  const restarts = new Int32Array(text.length);
  let matched = 0;
  for (let at = 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    while (matched > 0 && text.charCodeAt(matched) !== code) matched = restarts[matched - 1] ?? 0;
    if (text.charCodeAt(matched) === code) matched += 1;
    restarts[at] = matched;
  }
  return restarts;
}
