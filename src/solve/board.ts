/**
 * Some jobs of a problem laid out in flat arrays for the search, together with the multipliers of its relaxation.
 *
 * Rows are options of jobs, neighbours where they belong to one job, waiting last. A multiplier belongs to a resource, to
 * a job in a group, or to an option at one end of an edge (all joint terms between two jobs); `terms` say which
 * multipliers a row's price is made of. Costs are whole numbers of `1 / unit`, so that every sum is exact.
 */

/** Joint terms of two jobs as a table, left rows by right rows, and where the multipliers of either side begin. */
export type Edge = {
  readonly left: number;
  readonly right: number;
  readonly costs: Float64Array;
  readonly leftBase: number;
  readonly rightBase: number;
};

export type Board = {
  readonly jobs: number;
  readonly rows: number;
  /** The rows of job j are `starts[j]` up to but without `starts[j + 1]`. */
  readonly starts: Int32Array;
  readonly jobOf: Int32Array;
  /** The row's number among the options of the problem. */
  readonly origins: Int32Array;
  readonly unit: number;
  readonly costs: Float64Array;
  readonly uses: Lists;
  readonly amounts: Float64Array;
  readonly capacities: Float64Array;
  readonly users: Lists;
  readonly groups: Lists;
  readonly groupCosts: Float64Array;
  /** Multipliers by group. */
  readonly slots: Lists;
  readonly edges: readonly Edge[];
  /** Edges by job. */
  readonly links: Lists;
  readonly multipliers: number;
  /** No multiplier may go beyond, so that sums stay exact. */
  readonly ceiling: number;
  readonly terms: Lists;
  readonly shares: Float64Array;
  /** The job before that is the same in everything, or -1: there is an optimum in which it does not choose a later option. */
  readonly twins: Int32Array;
};

/** Lists of numbers end to end: list i is `items[starts[i]]` up to but without `items[starts[i + 1]]`. */
export type Lists = { readonly starts: Int32Array; readonly items: Int32Array };
