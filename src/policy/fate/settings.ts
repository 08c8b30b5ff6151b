/** What `fate` leaves open. The values were swept on the training seeds of `fate bench real-dag`; docs/settings.md says how. */

/** How much of each dimension of state a plan sees: 1 all of it, 0 nothing. An ablation is a 0. */
export type Dimensions = {
  /** Which models are resident: loads saved and caused. */
  readonly residency: number;
  /** Where outputs lie: transfers over links. */
  readonly locality: number;
  /** Which prefixes are cached: prompt tokens that need no prefill. */
  readonly prefix: number;
  /** Which engines no link leads to any more, so that an output takes the slow way round or none. */
  readonly reachability: number;
};

export type FateSettings = {
  readonly dimensions: Dimensions;
  /** Stages that one plan looks at. */
  readonly frontierStages: number;
  /** How much a workflow's wait counts in the order of workflows; 0 is the shortest remaining work first. */
  readonly patience: number;
  /** How many steps ahead of the ready stages they may lie. */
  readonly horizonHops: number;
  /** Ready stages whose placements are decided together, the first in order. */
  readonly jobs: number;
  /** Placements weighed for each of them. */
  readonly candidates: number;
  /** Of the most promising placements, so many are weighed in pairs too. */
  readonly paired: number;
  /** Times that the plan is improved from where the last improvement led. */
  readonly rounds: number;
  /** Over how many engines of a host a stage's items may be split. */
  readonly mostShards: number;
  /** What an engine's time is worth against a workflow's: the price of keeping engines busy. */
  readonly engineTime: number;
  /**
   * What a model that is held now and nowhere in the end is worth, as parts of the time that it takes to load it again: for workflows
   * that are revealed call by call, where a model that nothing in sight calls is called again all the same.
   */
  readonly reload: number;
  /** What a load costs beside the time that it takes from workflows and engines, as parts of its time. */
  readonly loadTime: number;
  /** Begin loads for stages that are about to become ready. */
  readonly prefetch: boolean;
};

export const fateDefaults: FateSettings = {
  dimensions: { residency: 1, locality: 1, prefix: 1, reachability: 1 },
  frontierStages: 48,
  patience: 1,
  horizonHops: 4,
  jobs: 12,
  candidates: 5,
  paired: 10,
  rounds: 2,
  mostShards: 2,
  engineTime: 1,
  reload: 0,
  loadTime: 0,
  prefetch: true,
};

/** For calls that are revealed one by one. Swept on the training seeds of `npm run bench -- workshop`. */
export const fateKeeping: FateSettings = { ...fateDefaults, reload: 8, loadTime: 8 };
