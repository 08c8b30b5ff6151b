/** How far a task is, in the queue or in the batch. */

import type { Task, TaskTimes } from "./task.ts";

export type Running = {
  readonly task: Task;
  /** Everything to take in: the prompt, and what was written before it had to give way. */
  promptTokens: number;
  /** Looked up in the prefix cache. */
  opened: boolean;
  promptDone: number;
  promptLeft: number;
  stepsLeft: number;
  /** Tokens of each sequence. */
  written: number;
  /** KV tokens that its sequences attend to, summed. */
  contextTokens: number;
  /** KV tokens that nobody else may have. */
  keptTokens: number;
  submitUs: number;
  /** Since when it waits for weights and nothing else; -1: it does not. */
  loadSinceUs: number;
  loadUs: number;
  startUs: number;
  firstTokenUs: number;
  cachedTokens: number;
  inBatch: boolean;
};

export function createRunning(task: Task, submitUs: number): Running {
  return {
    task,
    promptTokens: task.prompt.tokens,
    opened: false,
    promptDone: 0,
    promptLeft: 0,
    stepsLeft: 0,
    written: 0,
    contextTokens: 0,
    keptTokens: 0,
    submitUs,
    loadSinceUs: -1,
    loadUs: 0,
    startUs: -1,
    firstTokenUs: -1,
    cachedTokens: 0,
    inBatch: false,
  };
}

/** KV tokens it must find free to join: what it takes in, and a token to write. */
export function admissionTokens({ task, promptTokens }: Running): number {
  return promptTokens + (task.outputTokens === 0 ? 0 : task.sequences);
}

/** KV tokens that it fills once it decodes: what its sequences have in common is there once. */
export function filledTokens({ task, contextTokens }: Running): number {
  return contextTokens - (task.sequences - 1) * task.prompt.tokens;
}

/** How many of `steps` iterations all can decode before they have grown by `freeTokens` beyond what they keep. */
export function growthSteps(decoders: readonly Running[], steps: number, freeTokens: number): number {
  const needed = (count: number): number => {
    let tokens = 0;
    for (const running of decoders)
      tokens += Math.max(0, filledTokens(running) + count * running.task.sequences - running.keptTokens);
    return tokens;
  };
  let least = 0;
  let most = steps;
  while (least < most) {
    // Mostly there is room for all of them.
    const middle = least === 0 && most === steps ? steps : (least + most + 1) >> 1;
    if (needed(middle) <= freeTokens) least = middle;
    else most = middle - 1;
  }
  return least;
}

export function keptTokens(members: readonly Running[]): number {
  let tokens = 0;
  for (const running of members) tokens += running.keptTokens;
  return tokens;
}

/** At least one token of a prompt is always computed, since it brings forth the first of the answer. */
export function openPrompt(running: Running, cachedTokens: number): void {
  running.opened = true;
  running.cachedTokens = Math.min(cachedTokens, running.promptTokens - 1);
  running.promptDone = running.cachedTokens;
  running.promptLeft = running.promptTokens - running.cachedTokens;
}

/** The end of the prompt brings a token, which is about to be counted as written. */
export function endPrompt(running: Running): void {
  const { sequences, outputTokens, prompt } = running.task;
  running.stepsLeft = outputTokens - running.written - 1;
  running.contextTokens = sequences * (prompt.tokens + running.written);
}

/** All its prompt has come from another engine. */
export function startDecode(running: Running): void {
  const { sequences, prompt, outputTokens } = running.task;
  running.opened = true;
  running.cachedTokens = prompt.tokens;
  running.stepsLeft = outputTokens;
  running.contextTokens = sequences * prompt.tokens;
}

/** Leaves the batch, to take in again later what it had. */
export function giveWay(running: Running): void {
  running.promptTokens = running.task.prompt.tokens + running.written * running.task.sequences;
  running.opened = false;
  running.inBatch = false;
  running.promptLeft = 0;
  running.stepsLeft = 0;
  running.keptTokens = 0;
}

export function toTimes({ submitUs, loadUs, startUs, firstTokenUs, cachedTokens }: Running, endUs: number): TaskTimes {
  return { submitUs, loadUs, startUs, firstTokenUs: firstTokenUs === -1 ? endUs : firstTokenUs, endUs, cachedTokens };
}
