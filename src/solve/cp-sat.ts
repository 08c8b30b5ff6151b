/**
 * The same problem through CP-SAT (OR-Tools in WebAssembly), on a thread of its own. The package answers by promise only;
 * a policy is a plain function, so the caller sleeps on a shared word until the answer lies in the port.
 *
 * One worker, a fixed seed and a bound in deterministic time: one input gives one plan. Presolve steps that cost more
 * than they save on problems of this size are off.
 */

import type { SatParameters } from "or-tools-wasm/cp-sat";
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { strict as assert } from "node:assert";
import { Assignment, type Choice, costOf, isFeasible } from "./assignment.ts";
import { toCpModel } from "./cp-sat-model.ts";
import type { CpSatAnswer, CpSatRequest } from "./cp-sat-worker.ts";
import { solveGreedily } from "./greedy.ts";
import { toChoice, toOptions } from "./options.ts";

export type CpSatSolution =
  | { readonly choice: Choice; readonly cost: number; readonly status: "optimal" | "feasible" }
  /** The hint, because the solver gave nothing better; why stands in `reason`. */
  | { readonly choice: Choice; readonly cost: number; readonly status: "fallback"; readonly reason: string };

export type CpSatOptions = {
  /** Work the solver may do, in its own seconds, which are the same on every machine. */
  readonly deterministicSeconds?: number;
};

export type CpSatSolver = {
  solve(problem: Assignment, hint: Choice, options?: CpSatOptions): CpSatSolution;
  /** Loads the solver and lets it meet some problems, which takes a second or two; without it the first plans are slow. */
  warmUp(): void;
  [Symbol.asyncDispose](): Promise<void>;
};

export type CpSatSolverOptions = {
  /** Wall time after which a silent solver is given up; far above any plan, so that it never decides one. */
  readonly patienceMs?: number;
  /** The thread's file; tests put a broken one here. */
  readonly workerFile?: URL;
};

const defaultDeterministicSeconds = 0.2;
const defaultPatienceMs = 20_000;

/** TypeScript in a clone, JavaScript in the built package. */
const defaultWorkerFile = new URL(
  import.meta.url.endsWith(".ts") ? "./cp-sat-worker.ts" : "./cp-sat-worker.js",
  import.meta.url,
);

/** Nobody rings this one. */
const nap = new Int32Array(new SharedArrayBuffer(4));
const napMs = 1;

type Line = { readonly worker: Worker; readonly port: MessagePort; readonly bell: Int32Array };

/** A solver starts its thread at the first question. Once it has kept silent it is not asked again: waiting costs plans. */
export function createCpSat(options: CpSatSolverOptions = {}): CpSatSolver {
  const { patienceMs = defaultPatienceMs, workerFile = defaultWorkerFile } = options;
  let line: Line | undefined;
  let givenUp: CpSatAnswer | undefined;

  const hangUp = async (): Promise<void> => {
    const ended = line;
    line = undefined;
    ended?.port.close();
    await ended?.worker.terminate();
  };
  const ask = (request: CpSatRequest): CpSatAnswer => {
    if (givenUp !== undefined) return givenUp;
    line ??= openLine(workerFile, () => void hangUp());
    const rung = Atomics.load(line.bell, 0);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port has no origin
    line.port.postMessage(request);
    let leftMs = Atomics.wait(line.bell, 0, rung, patienceMs) === "timed-out" ? 0 : patienceMs;
    for (;;) {
      const received: { readonly message: CpSatAnswer } | undefined = receiveMessageOnPort(line.port);
      if (received !== undefined) return received.message;
      if (leftMs <= 0) break;
      // Who sleeps may wake before the answer lies there.
      Atomics.wait(nap, 0, 0, napMs);
      leftMs -= napMs;
    }
    void hangUp();
    givenUp = { kind: "failed", reason: `the solver gave no answer within ${patienceMs} ms` };
    return givenUp;
  };
  const solve: CpSatSolver["solve"] = (problem, hint, { deterministicSeconds = defaultDeterministicSeconds } = {}) => {
    assert(isFeasible(problem, hint), "the hint takes more than there is");
    const model = toCpModel(problem, hint);
    const linearizationLevel = (model.variables?.length ?? 0) <= fullyLinearVariables ? 2 : 1;
    const parameters = { ...fixedParameters, linearizationLevel, maxDeterministicTime: deterministicSeconds };
    return toSolution(problem, hint, ask({ model, parameters }));
  };
  return {
    solve,
    warmUp: () => {
      for (let round = 0; round < warmUpRounds; round++) {
        const problem = warmUpProblem(round);
        solve(problem, solveGreedily(problem).choice);
      }
    },
    [Symbol.asyncDispose]: hangUp,
  };
}

const fixedParameters: SatParameters = {
  numSearchWorkers: 1,
  randomSeed: 1,
  cpModelProbingLevel: 0,
  symmetryLevel: 0,
};

/** Literals up to which the full linear relaxation pays; beyond, the budget goes by before its cuts bear fruit. */
const fullyLinearVariables = 2500;

/** As often as it takes until the hot parts of the WebAssembly are compiled well: before, an answer takes five times as long. */
const warmUpRounds = 16;

/** Jobs that want each other's places and one another's company, no two rounds the same. */
function warmUpProblem(round: number): Assignment {
  const places = 8;
  const cost = (job: number, place: number): number => 1000 + ((job * 7919 + place * 104_729 + round * 1299) % 4001);
  const jobs = Array.from({ length: 24 }, (_, job) => ({
    waitCost: 4000 + cost(job, places),
    candidates: Array.from({ length: 6 }, (__, index) => {
      const resource = (job + index) % places;
      return { cost: cost(job, index), uses: [{ resource, amount: 1 }], groups: [(resource >> 1) + 4 * (job % 2)] };
    }),
  }));
  const joints = jobs.flatMap((_, job) =>
    [0, 1, 2, 3].map((candidate) => ({
      left: { job, candidate },
      right: { job: (job + 1) % jobs.length, candidate: (candidate + 1) % 6 },
      cost: job % 3 === 0 ? 700 : -900,
    })),
  );
  const capacities = Array.from({ length: places }, () => 1);
  return new Assignment({ jobs, capacities, groupCosts: Array.from({ length: 8 }, () => 1500), joints });
}

function openLine(workerFile: URL, onBreak: () => void): Line {
  const { port1, port2 } = new MessageChannel();
  const bell = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(workerFile, { workerData: { port: port2, bell }, transferList: [port2] });
  worker.on("error", onBreak);
  worker.unref();
  port1.unref();
  return { worker, port: port1, bell };
}

/** Never worse than the hint, and never anything that `isFeasible` would refuse. */
function toSolution(problem: Assignment, hint: Choice, answer: CpSatAnswer): CpSatSolution {
  const cost = costOf(problem, hint);
  const fallback = (reason: string): CpSatSolution => ({ choice: hint, cost, status: "fallback", reason });
  if (answer.kind === "failed") return fallback(answer.reason);
  const { status, values } = answer;
  if (status !== "OPTIMAL" && status !== "FEASIBLE") return fallback(`the solver ended with ${status}`);
  const options = toOptions(problem);
  const picked = problem.jobs.map((_, job) => values.indexOf(1, options.starts[job]));
  const choice = toChoice(problem, options, picked);
  if (!isFeasible(problem, choice)) return fallback("the solver's choice takes more than there is");
  const found = costOf(problem, choice);
  if (status === "OPTIMAL") return { choice, cost: found, status: "optimal" };
  return found < cost ? { choice, cost: found, status: "feasible" } : { choice: hint, cost, status: "feasible" };
}
