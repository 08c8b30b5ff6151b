/** A call as the batch sees it. */

import type { ModelCosts } from "../../cost/cost-model.ts";
import type { ChainLink } from "../../model/prefix.ts";
import type { Prompt } from "../text/tokens.ts";

export type Task = {
  readonly costs: ModelCosts;
  readonly prompt: Prompt;
  /** Answers to one prompt, written side by side. */
  readonly sequences: number;
  /** Of each sequence; 0 for an embedding. */
  readonly outputTokens: number;
  /** `decode`: its KV has come from another engine. */
  readonly phase: "whole" | "decode";
  /** Wants to hear of every token, not only of the end. */
  readonly streams: boolean;
  /** The chain of prompt and answer, which stays cached when the answer is written. */
  readonly wholeChain?: () => { readonly chain: readonly ChainLink[]; readonly bytes: Buffer };
  /** Tokens written so far, of each sequence. */
  readonly onTokens: (written: number, cachedTokens: number) => void;
  /** Still holds its KV while this is called. */
  readonly onEnd: (times: TaskTimes) => void;
  readonly onFail: (reason: TaskFailure) => void;
};

export type TaskFailure = "aborted" | "no-room" | "engine-gone";

/** In virtual microseconds. */
export type TaskTimes = {
  readonly submitUs: number;
  /** Of it, waiting for weights. */
  readonly loadUs: number;
  readonly startUs: number;
  readonly firstTokenUs: number;
  readonly endUs: number;
  readonly cachedTokens: number;
};
