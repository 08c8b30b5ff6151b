/** Numbers as people read them: three digits and a unit. */

/** Microseconds as seconds, minutes or hours. */
export function showDuration(us: number): string {
  const seconds = us / 1e6;
  if (seconds < 0.9995) return `${showDigits(seconds * 1000)} ms`;
  if (seconds < 600) return `${showDigits(seconds)} s`;
  if (seconds < 36_000) return `${showDigits(seconds / 60)} min`;
  return `${showDigits(seconds / 3600)} h`;
}

/** Durations of one column, all in the unit that suits the longest. */
export function durationsUpTo(longestUs: number): (us: number) => string {
  const seconds = longestUs / 1e6;
  if (seconds < 1) return (us) => `${showDigits(us / 1000)} ms`;
  if (seconds < 10_000) return (us) => `${showDigits(us / 1e6)} s`;
  return (us) => `${showDigits(us / 3600e6)} h`;
}

/** Decimal units, as disks and links are sold. */
export function showBytes(bytes: number): string {
  return showScaled(bytes, ["B", "kB", "MB", "GB", "TB", "PB"]);
}

export function showCount(count: number): string {
  return showScaled(count, ["", "k", "M", "G", "T"]);
}

export function showShare(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}

/** A relative difference with its sign: `-12.3%`. */
export function showDifference(share: number): string {
  const text = (share * 100).toFixed(1);
  if (text === "-0.0" || text === "0.0") return "0.0%";
  return `${share > 0 ? "+" : ""}${text}%`;
}

function showScaled(value: number, units: readonly string[]): string {
  let scaled = value;
  let unit = 0;
  while (scaled >= 999.5 && unit < units.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  const digits = unit === 0 && Number.isInteger(scaled) ? `${scaled}` : showDigits(scaled);
  return `${digits} ${units[unit]}`.trimEnd();
}

function showDigits(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}
