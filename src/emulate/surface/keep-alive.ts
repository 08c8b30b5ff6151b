/** When models that nobody uses go: each use arms the timer anew. Virtual time, so that it is scaled like everything else. */

import type { ModelId } from "../../model/model.ts";
import type { Clock } from "../clock.ts";

export type KeepAlive = {
  /** Infinity: it stays. 0: it goes as soon as it is not in use. Undefined: as usual here. */
  readonly arm: (model: ModelId, us: number | undefined) => void;
  /** When it is going to go, in milliseconds of the wall clock; undefined: it stays. */
  readonly expiresMs: (model: ModelId) => number | undefined;
  readonly stop: () => void;
};

export type KeepAliveOptions = {
  readonly clock: Clock;
  readonly speed: number;
  readonly usualUs: number;
  /** False if it is in use. */
  readonly unload: (model: ModelId) => boolean;
};

/** How long a model in use is left alone before it is looked at again. */
const inUseUs = 1e6;

export function createKeepAlive({ clock, speed, usualUs, unload }: KeepAliveOptions): KeepAlive {
  const armed = new Map<ModelId, { readonly cancel: () => void; readonly expiresMs: number }>();
  const arm = (model: ModelId, us = usualUs): void => {
    armed.get(model)?.cancel();
    armed.delete(model);
    if (us === 0 && unload(model)) return;
    const virtualUs = us === 0 ? inUseUs : us;
    if (virtualUs === Infinity || speed === Infinity) return;
    const wallUs = virtualUs / speed;
    const cancel = clock.after(wallUs, () => arm(model, 0));
    armed.set(model, { cancel, expiresMs: Date.now() + wallUs / 1000 });
  };
  return {
    arm,
    expiresMs: (model) => armed.get(model)?.expiresMs,
    stop: () => {
      for (const { cancel } of armed.values()) cancel();
      armed.clear();
    },
  };
}

const unitUs: Readonly<Record<string, number>> = { h: 3600e6, m: 60e6, s: 1e6, ms: 1e3 };

/** Seconds, or a duration such as `1h30m`; negative means for ever. Undefined if it is not said. */
export function parseKeepAlive(value: unknown): number | undefined | "unreadable" {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number") return Number.isFinite(value) ? toUs(value, 1e6) : "unreadable";
  if (typeof value !== "string" || value.length > 40) return "unreadable";
  if (/^-?\d+(\.\d+)?$/.test(value)) return toUs(Number(value), 1e6);
  const match = /^(-?)((?:\d+(?:\.\d+)?(?:ms|h|m|s))+)$/.exec(value);
  if (match === null) return "unreadable";
  if (match[1] === "-") return Infinity;
  let us = 0;
  for (const [, count, unit] of (match[2] ?? "").matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g))
    us += Number(count) * (unitUs[unit ?? ""] ?? 0);
  return Math.round(us);
}

function toUs(count: number, unit: number): number {
  return count < 0 ? Infinity : Math.round(count * unit);
}
