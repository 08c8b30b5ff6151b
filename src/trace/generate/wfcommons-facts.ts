/**
 * What was measured on the graphs of WfInstances (github.com/wfcommons/WfInstances, commit f085867) of 5 to 310 tasks.
 * Runtimes are seconds on the machine of the recording, log-normal: `between` is the deviation of the logarithm from one
 * graph to another, `within` that inside one graph. Bytes are medians of an edge.
 */

export type TaskFacts = {
  readonly seconds: number;
  readonly between: number;
  readonly within: number;
};

export const taskFacts = {
  // blast: 15 graphs
  split_fasta: { seconds: 0.92, between: 1.69, within: 0 },
  blastall: { seconds: 107, between: 2.06, within: 0.08 },
  cat_blast: { seconds: 4.43, between: 2.62, within: 0 },
  cat: { seconds: 0.013, between: 0.29, within: 0 },
  // bwa: 5 graphs
  fastq_reduce: { seconds: 0.052, between: 0.06, within: 0 },
  bwa_index: { seconds: 81.5, between: 0.01, within: 0 },
  bwa: { seconds: 2.65, between: 0.05, within: 0.85 },
  cat_bwa: { seconds: 0.55, between: 0.05, within: 0 },
  // 1000genome: 8 graphs
  individuals: { seconds: 71.2, between: 0.21, within: 0.25 },
  individuals_merge: { seconds: 39.5, between: 0.44, within: 0.05 },
  sifting: { seconds: 2.1, between: 0.8, within: 0.83 },
  mutation_overlap: { seconds: 5.07, between: 0.24, within: 0.84 },
  frequency: { seconds: 122, between: 0.12, within: 0.18 },
  // cycles: 6 graphs
  baseline_cycles: { seconds: 46, between: 0.48, within: 0.54 },
  cycles: { seconds: 35.3, between: 0.51, within: 0.92 },
  fertilizer_increase_cycles: { seconds: 35.2, between: 0.4, within: 0.94 },
  cycles_fertilizer_increase_output_parser: { seconds: 0.051, between: 0.05, within: 0.28 },
  cycles_output_summary: { seconds: 0.057, between: 0.11, within: 0.02 },
  cycles_fertilizer_increase_output_summary: { seconds: 0.059, between: 0.07, within: 0.02 },
  cycles_plots: { seconds: 126, between: 0.04, within: 0 },
  // epigenomics: 8 graphs
  fastqSplit: { seconds: 7.12, between: 0.95, within: 0.31 },
  filterContams: { seconds: 15.3, between: 0.88, within: 1.12 },
  sol2sanger: { seconds: 6.27, between: 1.04, within: 1.31 },
  fast2bfq: { seconds: 0.74, between: 0.46, within: 0.77 },
  map: { seconds: 51.9, between: 0.22, within: 0.18 },
  mapMerge: { seconds: 3.6, between: 0.4, within: 0.3 },
  chr21: { seconds: 6.08, between: 0.91, within: 0 },
  pileup: { seconds: 24.3, between: 0.08, within: 0 },
  // montage: 5 graphs
  mProject: { seconds: 16.7, between: 1.52, within: 0.13 },
  mDiffFit: { seconds: 0.104, between: 1.13, within: 1.21 },
  mConcatFit: { seconds: 0.19, between: 0.54, within: 0.09 },
  mBgModel: { seconds: 0.8, between: 0.71, within: 0.12 },
  mBackground: { seconds: 0.49, between: 1.01, within: 0.36 },
  mImgtbl: { seconds: 0.17, between: 0.45, within: 0.38 },
  mAdd: { seconds: 0.45, between: 0.52, within: 0.13 },
  mViewer: { seconds: 0.64, between: 1.24, within: 0.36 },
  // seismology: 3 graphs
  sG1IterDecon: { seconds: 0.47, between: 0.04, within: 0.92 },
  wrapper_siftSTFByMisfit: { seconds: 0.104, between: 0.18, within: 0 },
} as const satisfies Record<string, TaskFacts>;

export type Category = keyof typeof taskFacts;

/** Bytes from parent to child, as `child < parent`; 0 where nothing is listed. */
export const edgeBytes: { readonly [edge: string]: number } = {
  "blastall < split_fasta": 202,
  "cat_blast < blastall": 606,
  "bwa < fastq_reduce": 25,
  "bwa < bwa_index": 175_581,
  "cat_bwa < bwa": 518,
  "cat < bwa": 1,
  "individuals_merge < individuals": 28_325,
  "mutation_overlap < sifting": 523_567,
  "mutation_overlap < individuals_merge": 24_496,
  "frequency < sifting": 523_567,
  "frequency < individuals_merge": 24_496,
  "cycles < baseline_cycles": 37_728,
  "fertilizer_increase_cycles < baseline_cycles": 37_728,
  "cycles_fertilizer_increase_output_parser < cycles": 6257,
  "cycles_fertilizer_increase_output_parser < fertilizer_increase_cycles": 6257,
  "cycles_output_summary < cycles": 6257,
  "cycles_fertilizer_increase_output_summary < cycles_fertilizer_increase_output_parser": 8408,
  "cycles_plots < cycles_output_summary": 75_280,
  "filterContams < fastqSplit": 12_988_828,
  "sol2sanger < filterContams": 12_895_132,
  "fast2bfq < sol2sanger": 9_652_233,
  "map < fast2bfq": 2_077_687,
  "mapMerge < map": 929_833,
  "mapMerge < mapMerge": 16_127_664,
  "chr21 < mapMerge": 25_685_406,
  "pileup < chr21": 25_685_406,
  "mDiffFit < mProject": 8_317_440,
  "mConcatFit < mDiffFit": 264,
  "mBgModel < mConcatFit": 1457,
  "mBackground < mProject": 8_317_440,
  "mBackground < mBgModel": 551,
  "mImgtbl < mBackground": 4_158_720,
  "mAdd < mBackground": 8_317_440,
  "mAdd < mImgtbl": 3944,
  "mViewer < mAdd": 9_334_080,
  "wrapper_siftSTFByMisfit < sG1IterDecon": 4728,
};
