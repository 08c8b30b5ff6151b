/** What is decided about calls that are revealed one by one, beside the rule of `forecast.ts`; and what then is to be done now. */

export type RevealedPlan = {
  readonly turns: readonly Turn[];
  /** By model. */
  readonly holdUntilUs: readonly number[];
};

export type Turn = { readonly engine: number; readonly model: number };

/** What is to be done now. */
export type Begun = {
  readonly begins: readonly { readonly call: number; readonly engine: number }[];
  readonly loads: readonly (Turn & { readonly victims: readonly number[] })[];
  /** Models whose calls wait. */
  readonly waiting: readonly number[];
  /** Of these, the ones to which an engine turns. */
  readonly turning: readonly number[];
  /** Which turns would end calls sooner that begin where their model is held. */
  readonly late: readonly Turn[];
  /** When the rule would do more, if nothing happens before. */
  readonly againUs: number;
};
