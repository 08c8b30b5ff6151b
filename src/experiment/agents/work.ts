/**
 * What workflows ask of engines, counted once all is known: prompt tokens to take in, tokens to write, and what these attend to.
 * Every duration of the cost model is linear in these but for what an iteration costs whatever is in it.
 */

import { toTrueStages, type TrueStage } from "../../bound/true-workflow.ts";
import type { Workflow } from "../../model/workflow.ts";

export type Work = {
  readonly prefillTokens: number;
  /** Pairs of such a token and one that it attends to. */
  readonly prefillPairs: number;
  /** Prompts. */
  readonly prompts: number;
  /** Tokens of all prompts, cached or not: their KV is what goes from prefill to decode. */
  readonly sentTokens: number;
  /** Written by iterations that decode; the first of each call comes with its prompt. */
  readonly decodeTokens: number;
  /** KV tokens that those attend to, summed. */
  readonly contextTokens: number;
  readonly longestPromptTokens: number;
};

/**
 * The least that each workflow asks for, in order and in pieces, were caches empty at first and never too small: each piece of text
 * that no other workflow has in a prompt is taken in once, on one engine, and each call is written on one engine. `outputsStay`:
 * what an engine wrote is cached there; else it is taken in once too, when a later prompt repeats it.
 */
export function leastPieces(workflows: readonly Workflow[], outputsStay: boolean): readonly (readonly Work[])[] {
  const stages = workflows.map(toTrueStages);
  const owners = findOwners(stages);
  return stages.map((own, owner) => {
    const taken = new Set<number>();
    return own.flatMap((node, index): readonly Work[] => {
      if (node.kind !== "model") return [];
      const { chain, outputTokens, promptTokens } = node.stage;
      const steps = Math.max(0, outputTokens - 1);
      const pieces = [
        { ...nothing, prompts: 1, sentTokens: promptTokens, longestPromptTokens: promptTokens },
        { ...nothing, decodeTokens: steps, contextTokens: steps * (promptTokens + (steps - 1) / 2) },
      ];
      let before = 0;
      for (const [link, { hash, tokens }] of chain.entries()) {
        const free =
          owners.get(hash) !== owner || taken.has(hash) || (outputsStay && isOutput(workflows[owner], index, link));
        if (!free)
          pieces.push({ ...nothing, prefillTokens: tokens, prefillPairs: tokens * (before + (tokens + 1) / 2) });
        taken.add(hash);
        before += tokens;
      }
      return pieces;
    });
  });
}

/** Whose prompts have a piece of text, by its hash. */
function findOwners(workflows: readonly (readonly TrueStage[])[]): ReadonlyMap<number, number> {
  const owners = new Map<number, number>();
  for (const [owner, stages] of workflows.entries())
    for (const node of stages)
      if (node.kind === "model")
        for (const { hash } of node.stage.chain)
          owners.set(hash, (owners.get(hash) ?? owner) === owner ? owner : several);
  return owners;
}

const several = -1;

/** Each segment of a prompt is a link of its chain. */
function isOutput(workflow: Workflow | undefined, index: number, link: number): boolean {
  const stage = workflow?.stages[index];
  return stage !== undefined && stage.kind !== "tool" && stage.prompt[link]?.kind === "output";
}

/** Of several: sums, and the longest prompt of all. */
export function addWork(works: readonly Work[]): Work {
  const sum: { -readonly [Name in keyof Work]: number } = { ...nothing };
  for (const work of works) {
    sum.prefillTokens += work.prefillTokens;
    sum.prefillPairs += work.prefillPairs;
    sum.prompts += work.prompts;
    sum.sentTokens += work.sentTokens;
    sum.decodeTokens += work.decodeTokens;
    sum.contextTokens += work.contextTokens;
    sum.longestPromptTokens = Math.max(sum.longestPromptTokens, work.longestPromptTokens);
  }
  return sum;
}

const nothing: Work = {
  prefillTokens: 0,
  prefillPairs: 0,
  prompts: 0,
  sentTokens: 0,
  decodeTokens: 0,
  contextTokens: 0,
  longestPromptTokens: 0,
};
