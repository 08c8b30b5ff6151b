/** What planning of calls that are revealed one by one leaves open. Swept on the training seeds of `npm run bench -- workshop`. */

export type RevealedSettings = {
  /** Reckon with calls that are likely to come, by what workflows have called so far. */
  readonly history: boolean;
  /** While no call waits, load what was called before into memory that is free. */
  readonly preload: boolean;
  /** Futures that each plan is judged by. */
  readonly scenarios: number;
  /** How far ahead expected calls are looked for. */
  readonly horizonUs: number;
  /** What a load costs beside the time that calls wait for it, as parts of its time. */
  readonly loadTime: number;
  /** The same for loads that the models held in the end leave to others. */
  readonly missing: number;
  /** How many calls of a model that nobody has called yet are reckoned with, as part of the mean of the others. */
  readonly unknown: number;
  /** A wait of so long counts twice; and who has been open for longer is no more urgent. */
  readonly patienceUs: number;
  /** Calls of a model wait for an engine until their waits add up to so many parts of what it takes to turn one to it. */
  readonly rent: number;
  /** Calls that the forecasts of a decision may look at, one by one at every step. */
  readonly visits: number;
};

export const revealedDefaults: RevealedSettings = {
  history: true,
  preload: true,
  scenarios: 4,
  horizonUs: 120_000_000,
  loadTime: 16,
  missing: 16,
  unknown: 1,
  patienceUs: 120_000_000,
  rent: 1,
  visits: 200_000,
};
