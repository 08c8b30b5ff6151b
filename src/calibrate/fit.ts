/**
 * From measurements to a calibration. Operator tables say what each GPU kind reaches operator by operator; end-to-end rows of
 * one kind say what a server makes of that and what it adds. The server's additions hold for every GPU kind; its share of
 * what operators reach does too: a kind's coefficient is its table's times (fitted over table) of the kind that was served.
 */

import type { Calibration, Coefficients } from "../cost/calibration.ts";
import { fitLeastSquares } from "./least-squares.ts";
import type { OperatorShares } from "./operator-tables.ts";
import { modelRow, type RowSetup } from "./row-setup.ts";

export type Tables = Readonly<Record<string, OperatorShares>>;

type Fitted = {
  readonly name: keyof Coefficients;
  readonly start: number;
  /** How far its logarithm may lie from the start at the cost of one standard error of one observation. */
  readonly spread: number;
};

/**
 * Found by server and operator alike: starts at the table's value. Spreads twice as wide fit the rows no better
 * and predict a model that was held out worse.
 */
const carried: readonly { readonly name: keyof OperatorShares; readonly spread: number }[] = [
  { name: "flopsShare", spread: 0.25 },
  { name: "fp8FlopsShare", spread: 0.25 },
  { name: "attentionFlopsShare", spread: 0.25 },
  { name: "bandwidthShare", spread: 0.15 },
  { name: "kvBandwidthShare", spread: 0.15 },
  { name: "peerShare", spread: 0.25 },
  { name: "allReduceUs", spread: 0.25 },
];

/** What the server adds. */
const added: readonly Fitted[] = [
  { name: "iterationUs", start: 1200, spread: 1 },
  { name: "layerUs", start: 10, spread: 1 },
  { name: "sequenceUs", start: 20, spread: 1 },
  { name: "prefillLayerUs", start: 20, spread: 1 },
  { name: "mixedUs", start: 2000, spread: 1 },
];

/** Taken as measured operator by operator: no served row has experts. */
const unserved = [
  "expertFlopsShare",
  "expertFp8FlopsShare",
  "expertBandwidthShare",
  "expert4BitBandwidthShare",
  "expertLayerUs",
] as const satisfies readonly (keyof OperatorShares)[];

/** Not fitted: 2, 3, 4 and 6 leave the same errors. */
const sharpness = 4;

/** Standard errors taken for the logarithms of times per output token and to the first token. */
const perTokenError = 0.05;
const firstTokenError = 0.15;

export type FitOptions = {
  /** All on one GPU kind, that `tables` holds. */
  readonly rows: readonly RowSetup[];
  readonly tables: Tables;
  readonly sources: readonly string[];
  readonly onProgress?: (text: string) => void;
};

export function fitCalibration({ rows, tables, sources, onProgress }: FitOptions): Calibration {
  const served = rows[0]?.gpu.id ?? "";
  const operators = tables[served];
  if (operators === undefined) throw new Error(`no operator tables of ${served}, the GPU kind of the measured rows`);
  const parameters: readonly Fitted[] = [
    ...carried.map(({ name, spread }) => ({ name, spread, start: measured(operators, name) })),
    ...added,
  ];
  const values = fitLeastSquares({
    start: parameters.map(({ start }) => start),
    spread: parameters.map(({ spread }) => spread),
    outlier: 2,
    steepest: 1.25 / perTokenError,
    rounds: 20,
    ...(onProgress === undefined
      ? {}
      : { onRound: (round, cost) => onProgress(`round ${round}: cost ${cost.toFixed(1)}`) }),
    residuals: (candidate) => {
      const calibration = calibrationOf(withValues(operators, parameters, candidate));
      return rows.flatMap((setup) => {
        const modelled = modelRow(setup, calibration);
        return [
          Math.log(modelled.perTokenMs / setup.row.perTokenMs) / perTokenError,
          Math.log(modelled.firstTokenMs / setup.row.firstTokenMs) / firstTokenError,
        ];
      });
    },
  });
  const fitted = withValues(operators, parameters, values);
  const gpus = Object.fromEntries(
    Object.entries(tables).map(([gpu, table]) => [gpu, rounded(carryOver(fitted, operators, table))]),
  );
  return { version: 1, sources, generic: rounded(meanOf(Object.values(gpus))), gpus, models: {} };
}

/** What a kind's tables leave out stays as fitted. */
function carryOver(fitted: Coefficients, from: OperatorShares, to: OperatorShares): Coefficients {
  const values = { ...fitted };
  for (const name of [...carried.map((entry) => entry.name), ...unserved]) {
    values[name] = (fitted[name] * (to[name] ?? measured(from, name))) / measured(from, name);
  }
  return values;
}

function measured(operators: OperatorShares, name: keyof OperatorShares): number {
  const value = operators[name];
  if (value === undefined) throw new Error(`the operator tables of the served GPU kind lack ${name}`);
  return value;
}

function withValues(operators: OperatorShares, parameters: readonly Fitted[], values: readonly number[]): Coefficients {
  const entries = parameters.map(({ name, start }, index) => [name, values[index] ?? start]);
  const named = Object.fromEntries(entries) as Omit<Coefficients, (typeof unserved)[number] | "sharpness">;
  const experts = Object.fromEntries(unserved.map((name) => [name, measured(operators, name)]));
  return { ...named, ...(experts as Pick<Coefficients, (typeof unserved)[number]>), sharpness };
}

function calibrationOf(generic: Coefficients): Calibration {
  return { version: 1, sources: [], generic, gpus: {}, models: {} };
}

/** Geometric mean, name by name. */
function meanOf(kinds: readonly Coefficients[]): Coefficients {
  const [first] = kinds;
  if (first === undefined) throw new Error("no GPU kind to take the mean of");
  const names = Object.keys(first) as (keyof Coefficients)[];
  const logs = (name: keyof Coefficients): number => kinds.reduce((sum, kind) => sum + Math.log(kind[name]), 0);
  return Object.fromEntries(names.map((name) => [name, Math.exp(logs(name) / kinds.length)])) as Coefficients;
}

/** Four digits: more would claim what no measurement supports. */
function rounded(coefficients: Coefficients): Coefficients {
  const entries = Object.entries(coefficients).map(([name, value]) => [name, Number(value.toPrecision(4))]);
  return Object.fromEntries(entries) as Coefficients;
}
