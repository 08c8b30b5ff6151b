/**
 * Units. Time is whole microseconds, bytes and tokens are whole numbers, and names end in their unit:
 * `deadlineUs`, `weightBytes`, `promptTokens`.
 */

/** Seconds to whole microseconds. */
export function secondsToUs(seconds: number): number {
  return Math.round(seconds * 1e6);
}

/** Decimal gigabytes to bytes. */
export function gigabytes(count: number): number {
  return Math.round(count * 1e9);
}

/** Binary gigabytes, as GPU memory is sold, to bytes. */
export function gibibytes(count: number): number {
  return Math.round(count * 2 ** 30);
}
