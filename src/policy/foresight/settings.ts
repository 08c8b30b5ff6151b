/** What `foresight` leaves open of whole plans. The values were swept on the training seeds of `fate bench real-dag`; docs/settings.md says how. */

export type ForesightSettings = {
  /** Stages that a plan holds. */
  readonly mostStages: number;
  /** How much search a decision may do: stages that are decoded, over all plans that it looks at. */
  readonly visits: number;
  /** The same for the first plan after an arrival. */
  readonly firstVisits: number;
  /** Both, on engines that batch, where a stage takes longer to decode. */
  readonly batchedVisits: number;
  readonly firstBatchedVisits: number;
  /** How much worse a change may make a plan at the first steps of the search, as a part of what a stage costs on average; falls to a hundredth of it. */
  readonly heat: number;
  /** Free the first stages, and some of one model, for a solver to re-place together. */
  readonly replace: boolean;
  /** Load models ahead of the stages that the plan has next on an idle engine. */
  readonly prefetch: boolean;
  /** Load models that are likely to come on engines that the plan leaves idle. */
  readonly preload: boolean;
  /** Go by what workflows have called so far, in what to load and in what to give up. */
  readonly history: boolean;
  /** Weight of the square of a workflow's slowdown beside the slowdown itself. */
  readonly tail: number;
  /** Added to every workflow's size, as a part of the mean: how little the smallest are preferred. */
  readonly base: number;
  /** Weight of the mean end of a workflow's stages beside its own end. */
  readonly early: number;
  /** The same on engines that batch, where a stage may go to a slower one for nothing but room that nobody lacks. */
  readonly batchedEarly: number;
  /** What an engine's time is worth against a workflow's. */
  readonly engineTime: number;
  /** Over how many engines of a host a stage's items may be split, 1 or 2. */
  readonly mostShards: 1 | 2;
  /** Standard deviation of the logarithm of true over expected output lengths, by which what runs is judged. */
  readonly spread: number;
};

export const foresightDefaults: ForesightSettings = {
  mostStages: 256,
  visits: 24_000,
  firstVisits: 120_000,
  batchedVisits: 2_500,
  firstBatchedVisits: 24_000,
  heat: 1,
  replace: false,
  prefetch: true,
  preload: true,
  history: true,
  tail: 0.3,
  base: 0.5,
  early: 0,
  batchedEarly: 1,
  engineTime: 1,
  mostShards: 2,
  spread: 0.4,
};
