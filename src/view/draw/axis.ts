/** Round instants for an axis of time, and times as people write them. */

export type Tick = { readonly atUs: number; readonly label: string };

const second = 1e6;
const steps = [
  1,
  2,
  5,
  10,
  20,
  50,
  100,
  200,
  500,
  1e3,
  2e3,
  5e3,
  1e4,
  2e4,
  5e4,
  1e5,
  2e5,
  5e5,
  second,
  2 * second,
  5 * second,
  10 * second,
  15 * second,
  30 * second,
  60 * second,
  120 * second,
  300 * second,
  600 * second,
  1800 * second,
  3600 * second,
  7200 * second,
  14_400 * second,
  43_200 * second,
  86_400 * second,
];

/** At most so many, at multiples of a round step. */
export function toTicks(fromUs: number, toUs: number, most: number): Tick[] {
  const spanUs = Math.max(1, toUs - fromUs);
  const stepUs = steps.find((step) => spanUs / step <= most) ?? Math.ceil(spanUs / most / 86_400e6) * 86_400e6;
  const ticks: Tick[] = [];
  for (let atUs = Math.ceil(fromUs / stepUs) * stepUs; atUs <= toUs && ticks.length <= most; atUs += stepUs)
    ticks.push({ atUs, label: showClock(atUs, stepUs) });
  return ticks;
}

/** As precisely as the step asks for: `1:02:05`, `2:05`, `5 s`, `5.25 s`, `250 ms`. */
export function showClock(us: number, stepUs = 1e3): string {
  const sign = us < 0 ? "-" : "";
  const whole = Math.abs(us);
  if (whole >= 60 * second) {
    const seconds = Math.floor(whole / second);
    const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
    const rest = stepUs < second ? (whole / second - seconds).toFixed(stepUs < 1e3 ? 6 : 3).slice(1) : "";
    const clock = hours > 0 ? `${hours}:${pad(minutes)}:${pad(seconds % 60)}` : `${minutes}:${pad(seconds % 60)}`;
    return `${sign}${clock}${rest}`;
  }
  if (whole < second && stepUs < second) return stepUs < 1e3 ? `${us} µs` : `${Math.round(us / 1e3)} ms`;
  const decimals = stepUs >= second ? 0 : Math.min(6, Math.max(1, Math.ceil(-Math.log10(stepUs / second))));
  return `${sign}${(whole / second).toFixed(decimals)} s`;
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}

/** A duration with three digits or so: `850 µs`, `12.3 ms`, `4.56 s`, `2 min 5 s`, `1 h 4 min`. */
export function showDuration(us: number): string {
  const sign = us < 0 ? "-" : "";
  const whole = Math.abs(us);
  if (!Number.isFinite(us)) return "";
  if (whole < 1e3) return `${sign}${Math.round(whole)} µs`;
  if (whole < second) return `${sign}${digits(whole / 1e3)} ms`;
  if (whole < 60 * second) return `${sign}${digits(whole / second)} s`;
  const seconds = Math.round(whole / second);
  if (seconds < 3600) return `${sign}${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${sign}${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`;
}

function digits(value: number): string {
  return value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0);
}
