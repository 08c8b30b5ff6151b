/**
 * The calibration against measurements of other, older serving stacks, on which nothing is fitted: splitwise-sim's tables of
 * Llama-2-70B and BLOOM-176B on A100 and H100, and Helix's times of single layers, which include a GPU kind without tables.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { gpuKinds } from "../catalogue/gpus.ts";
import { findReleased } from "../catalogue/models.ts";
import type { Calibration } from "../cost/calibration.ts";
import { decodeStepsUs } from "../cost/decode.ts";
import { prefillUs } from "../cost/prefill.ts";
import { createRates, type Rates } from "../cost/roofline.ts";
import { readCsv } from "./csv.ts";
import { createGroup } from "./row-setup.ts";

/** Medians of modelled over measured time: 1 is right, and an older stack is slower than what is modelled. */
export type StackRatio = {
  readonly source: string;
  readonly model: string;
  readonly gpu: string;
  readonly rows: number;
  readonly prefill: number;
  readonly decode: number;
};

export function compareOtherStacks(data: string, calibration: Calibration): readonly StackRatio[] {
  return [
    ...compareSplitwise(join(data, "splitwise-sim/perf_model.csv"), calibration),
    ...compareHelix(data, calibration),
  ];
}

/** Prompts of one size in one batch, then `token_size` tokens each. */
function compareSplitwise(file: string, calibration: Calibration): readonly StackRatio[] {
  if (!existsSync(file)) return [];
  const columns = ["model", "hardware", "prompt_size", "batch_size", "token_size", "prompt_time", "token_time"];
  const rows = readCsv(file, [...columns, "tensor_parallel"]).filter((row) => !row.text("hardware").includes("pcap"));
  const groups = Map.groupBy(
    rows,
    (row) => `${row.text("model")} TP${row.text("tensor_parallel")},${row.text("hardware").replace("80gb", "80g")}`,
  );
  return [...groups].flatMap(([key, members]) => {
    const [model = "", gpu = ""] = key.split(",");
    const size = members[0]?.number("tensor_parallel", 1) ?? 1;
    const rates = findRates(model.split(" ")[0] ?? "", gpu, size, calibration);
    if (rates === undefined) return [];
    const ratios = members.map((row) => {
      const [prompt, batch, tokens] = [
        row.number("prompt_size", 1),
        row.number("batch_size", 1),
        row.number("token_size", 1),
      ];
      const decodeMs = decodeStepsUs(rates, batch, batch * prompt, tokens) / tokens / 1e3;
      return {
        prefill: prefillUs(rates, prompt, 0, batch) / 1e3 / row.number("prompt_time", 0),
        decode: decodeMs / row.number("token_time", 0),
      };
    });
    return [toRatio("splitwise-sim", model, gpu, ratios)];
  });
}

/** Milliseconds of one layer on one GPU by the tokens of a batch; contexts are not recorded, so decoding is taken without. */
function compareHelix(data: string, calibration: Calibration): readonly StackRatio[] {
  const kinds = [
    ["a100", "a100-80g"],
    ["l4", "l4-24g"],
  ] as const;
  const models = [
    ["llama1_30b", "llama-1-30b"],
    ["llama2_70b", "llama-2-70b"],
  ] as const;
  return kinds.flatMap(([kind, gpu]) =>
    models.flatMap(([file, model]) => {
      const rates = findRates(model, gpu, 1, calibration);
      const path = (phase: string): string => join(data, "helix", `${file}__${kind}__${phase}_bs2time.csv`);
      if (rates === undefined || !existsSync(path("prompt")) || !existsSync(path("decode"))) return [];
      const { layers } = rates.model;
      const prefill = readPairs(path("prompt")).map(
        ([tokens, ms]) => prefillUs(rates, tokens, 0, 1) / layers / 1e3 / ms,
      );
      const decode = readPairs(path("decode")).map(
        ([batch, ms]) => decodeStepsUs(rates, batch, 0, 1) / layers / 1e3 / ms,
      );
      return [
        {
          source: "helix",
          model,
          gpu,
          rows: prefill.length + decode.length,
          prefill: median(prefill),
          decode: median(decode),
        },
      ];
    }),
  );
}

/** Its tables have no header; the first line, of no tokens, serves as one. */
function readPairs(file: string): readonly (readonly [number, number])[] {
  const rows = readCsv(file, ["0"]);
  return rows.map((row) => [row.at(0, 1), row.at(1, 0)] as const).filter(([, ms]) => ms > 0);
}

function findRates(model: string, gpu: string, size: number, calibration: Calibration): Rates | undefined {
  const kind = gpuKinds.find(({ id }) => id === gpu);
  const known = findReleased(model);
  return kind === undefined || known === undefined
    ? undefined
    : createRates(createGroup(size), kind, known, calibration);
}

function toRatio(
  source: string,
  model: string,
  gpu: string,
  ratios: readonly { readonly prefill: number; readonly decode: number }[],
): StackRatio {
  const prefill = median(ratios.map((ratio) => ratio.prefill));
  return { source, model, gpu, rows: ratios.length, prefill, decode: median(ratios.map((ratio) => ratio.decode)) };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return Number((sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN).toPrecision(3));
}
