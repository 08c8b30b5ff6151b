/**
 * How the graphs of WfInstances are made, family by family, read off the recorded ones. A recipe is given a number of
 * tasks to come near to and takes the next size that its structure has.
 */

import { drawInteger, drawOne } from "../../random/distributions.ts";
import type { Rng } from "../../random/rng.ts";
import type { SizeRange } from "./family.ts";
import type { Drafting } from "./graph-draft.ts";

export type Recipe = {
  readonly summary: string;
  /** Of the recorded graphs of at most 300 tasks, or what the structure needs at least if that is less. */
  readonly sizes: SizeRange;
  readonly build: (draft: Drafting, tasks: number, rng: Rng) => void;
};

export const recipes: { readonly [family: string]: Recipe } = {
  blast: {
    summary: "split, 40 to 300 searches side by side, two concatenations",
    sizes: { least: 43, most: 303 },
    build: ({ add }, tasks) => {
      const split = add("split_fasta", []);
      const found = times(tasks - 3, () => add("blastall", [split]));
      add("cat_blast", found);
      add("cat", found);
    },
  },
  bwa: {
    summary: "reduce and index, 100 alignments side by side, two concatenations",
    sizes: { least: 54, most: 304 },
    build: ({ add }, tasks) => {
      const roots = [add("fastq_reduce", []), add("bwa_index", [])];
      const aligned = times(tasks - 4, () => add("bwa", roots));
      add("cat_bwa", aligned);
      add("cat", aligned);
    },
  },
  "1000genome": {
    summary: "chromosomes with 10 or 25 individuals each, merged and sifted, then 7 overlaps and 7 frequencies each",
    sizes: { least: 52, most: 260 },
    build: ({ add }, tasks, rng) => {
      const individuals = drawOne(rng, [10, 25]);
      const chromosomes = Math.max(1, Math.round(tasks / (individuals + 16)));
      for (let chromosome = 0; chromosome < chromosomes; chromosome++) {
        const read = times(individuals, () => add("individuals", []));
        const both = [add("individuals_merge", read), add("sifting", [])];
        times(7, () => add("mutation_overlap", both));
        times(7, () => add("frequency", both));
      }
    },
  },
  cycles: {
    summary: "groups of 16 or 54 simulations in three steps, a parser for each, two summaries and plots a group",
    sizes: { least: 67, most: 266 },
    build: buildCycles,
  },
  epigenomics: {
    summary: "one to three lanes of 9 to 59 chains of four steps, merged by lane and then together, and two steps more",
    sizes: { least: 41, most: 263 },
    build: buildEpigenomics,
  },
  montage: {
    summary:
      "three bands: projections, differences of overlapping pairs, one background model, mosaic; then four views",
    sizes: { least: 58, most: 310 },
    build: buildMontage,
  },
  seismology: {
    summary: "100 to 300 deconvolutions side by side and one that sifts them",
    sizes: { least: 101, most: 301 },
    build: ({ add }, tasks) => {
      add(
        "wrapper_siftSTFByMisfit",
        times(tasks - 1, () => add("sG1IterDecon", [])),
      );
    },
  },
};

/** One group: n baselines, each with a run, a fertilised run and a parser of both; 4n + 2 tasks, and plots. */
function buildCycles({ add }: Drafting, tasks: number, rng: Rng): void {
  const size = tasks < 67 ? Math.max(1, Math.floor((tasks - 3) / 4)) : drawOne(rng, tasks < 219 ? [16] : [16, 54]);
  const groups = Math.max(1, Math.round(tasks / (4 * size + 3)));
  const summaries: number[] = [];
  for (let group = 0; group < groups; group++) {
    const runs: number[] = [];
    const parsers: number[] = [];
    for (let index = 0; index < size; index++) {
      const baseline = add("baseline_cycles", []);
      const run = add("cycles", [baseline]);
      const more = add("fertilizer_increase_cycles", [baseline]);
      runs.push(run);
      parsers.push(add("cycles_fertilizer_increase_output_parser", [run, more]));
    }
    summaries.push(add("cycles_output_summary", runs));
    add("cycles_fertilizer_increase_output_summary", parsers);
  }
  // Of two locations with one crop, plots join two summaries; else there are plots for each.
  if (groups === 2 && rng.next() < 0.5) add("cycles_plots", summaries);
  else for (const summary of summaries) add("cycles_plots", [summary]);
}

function buildEpigenomics({ add }: Drafting, tasks: number, rng: Rng): void {
  const lanes = tasks < 119 ? 1 : drawInteger(rng, 1, tasks < 200 ? 2 : 3);
  const chains = Math.max(lanes, Math.round((tasks - 3 - 2 * lanes) / 4));
  const merged: number[] = [];
  for (let lane = 0; lane < lanes; lane++) {
    // Lanes grow as 1 to 2 to 3 of six, as the recorded ones do, with the last taking what is left.
    const before = Math.floor((chains * ((lane * (lane + 1)) / 2)) / ((lanes * (lanes + 1)) / 2));
    const after = Math.floor((chains * (((lane + 1) * (lane + 2)) / 2)) / ((lanes * (lanes + 1)) / 2));
    const split = add("fastqSplit", []);
    const mapped = times(after - before, () => {
      const filtered = add("filterContams", [split]);
      return add("map", [add("fast2bfq", [add("sol2sanger", [filtered])])]);
    });
    merged.push(add("mapMerge", mapped.length === 0 ? [split] : mapped));
  }
  add("pileup", [add("chr21", [add("mapMerge", merged)])]);
}

/** Images of a band overlap with the next five, or with all others, as in the recorded 2MASS and DSS mosaics. */
function buildMontage({ add }: Drafting, tasks: number, rng: Rng): void {
  const bands = tasks < 50 ? 1 : 3;
  const all = rng.next() < 0.4;
  const images = imagesPerBand((tasks - (bands === 3 ? 4 : 1)) / bands, all);
  const mosaics: number[] = [];
  for (let band = 0; band < bands; band++) {
    const projected = times(images, () => add("mProject", []));
    const fits: number[] = [];
    for (const [left, first] of projected.entries())
      for (const second of projected.slice(left + 1, left + 1 + reach(images, all)))
        fits.push(add("mDiffFit", [first, second]));
    const model = add("mBgModel", [add("mConcatFit", fits)]);
    const even = projected.map((image) => add("mBackground", [image, model]));
    const table = add("mImgtbl", even);
    mosaics.push(add("mAdd", [...even, table]));
  }
  for (const mosaic of mosaics) add("mViewer", [mosaic]);
  if (bands === 3) add("mViewer", mosaics);
}

function reach(images: number, all: boolean): number {
  if (all) return images - 1;
  return images < 10 ? 3 : 5;
}

/** The most images of which a band has at most `tasks` tasks: images, their pairs, as many backgrounds, and four. */
function imagesPerBand(tasks: number, all: boolean): number {
  const size = (images: number): number => {
    const width = Math.min(images - 1, reach(images, all));
    return 2 * images + width * images - (width * (width + 1)) / 2 + 4;
  };
  let images = 2;
  while (size(images + 1) <= tasks) images++;
  return images;
}

function times(count: number, make: () => number): readonly number[] {
  return Array.from({ length: Math.max(1, count) }, make);
}
