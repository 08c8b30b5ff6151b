/** Which links of their prompts stages share with each other, and how much of each prompt engines have cached now. */

import type { ClusterState } from "../../state/cluster-state.ts";
import type { EngineState } from "../../state/engine-state.ts";
import { chainHash } from "../../model/prefix.ts";
import type { StageTimes } from "./stage-times.ts";

export type Links = {
  readonly count: number;
  /** Of stage i those from `starts[i]` on: links that others have too, and which link of its prompt each is, from 1. */
  readonly starts: Int32Array;
  readonly numbers: Int32Array;
  readonly levels: Int32Array;
  /** By stage, how many links it leaves cached. */
  readonly leaves: Int32Array;
  /** By stage, the number of the link that its output will be; -1 if nobody repeats it. */
  readonly outputs: Int32Array;
  /** By stage, tokens of its output that stay cached for who may repeat it. */
  readonly outputTokens: Float64Array;
  /** By stage and engine, links cached now or once what runs there has ended. */
  readonly cached: Int32Array;
  /** Of the last of these, how many tokens were used after it, as a negative number, itself among them. */
  readonly cachedStamps: Float64Array;
  /** The same by engine and link; -Infinity where it is not cached. */
  readonly stamps: Float64Array;
};

/** Once seen, but shared by nothing so far. */
const lone = -1;

export function layLinks(times: readonly (StageTimes | undefined)[], cluster: ClusterState): Links {
  const byModel = new Map<string, Map<number, number>>();
  let count = 0;
  const see = (known: Map<number, number>, hash: number): void => {
    const number = known.get(hash);
    if (number === undefined) known.set(hash, lone);
    else if (number === lone) known.set(hash, count++);
  };
  for (const each of times) {
    if (each === undefined) continue;
    let known = byModel.get(each.stage.model);
    if (known === undefined) byModel.set(each.stage.model, (known = new Map()));
    for (const { hash } of each.stage.chain) see(known, hash);
    if (each.outputHash !== undefined && cluster.linksOutputs) see(known, each.outputHash);
  }
  const starts = new Int32Array(times.length + 1);
  const leaves = new Int32Array(times.length);
  const outputs = new Int32Array(times.length).fill(-1);
  const outputTokens = new Float64Array(times.length);
  const numbers: number[] = [];
  const levels: number[] = [];
  for (const [index, each] of times.entries()) {
    if (each !== undefined) {
      const { stage, outputHash } = each;
      const known = byModel.get(stage.model)!;
      for (const [at, { hash }] of stage.chain.entries()) {
        const number = known.get(hash) ?? lone;
        if (number === lone) continue;
        numbers.push(number);
        levels.push(at + 1);
      }
      leaves[index] = stage.items > 1 ? stage.sharedLinks : stage.chain.length;
      if (outputHash !== undefined && cluster.linksOutputs) {
        outputs[index] = known.get(outputHash) ?? lone;
        outputTokens[index] = stage.outputTokens;
      }
    }
    starts[index + 1] = numbers.length;
  }
  return {
    count,
    starts,
    numbers: Int32Array.from(numbers),
    levels: Int32Array.from(levels),
    leaves,
    outputs,
    outputTokens,
    ...lookIntoCaches(times, cluster, byModel, count),
  };
}

type Numbers = ReadonlyMap<string, ReadonlyMap<number, number>>;

function lookIntoCaches(
  times: readonly (StageTimes | undefined)[],
  cluster: ClusterState,
  numbers: Numbers,
  count: number,
): Pick<Links, "cached" | "cachedStamps" | "stamps"> {
  const cached = new Int32Array(times.length * cluster.count);
  const cachedStamps = new Float64Array(times.length * cluster.count);
  const stamps = new Float64Array(count * cluster.count).fill(-Infinity);
  for (const engine of cluster) {
    const { index } = engine.holding;
    const coming = comingLinks(engine, cluster.linksOutputs);
    const held = new Map<string, ReadonlyMap<number, number>>();
    for (const { model } of engine.foreseen) {
      const known = numbers.get(model);
      if (known === undefined) continue;
      const own = usedSinceIn(engine, model);
      held.set(model, own);
      for (const [hash, number] of known) {
        const tokens = number === lone ? undefined : own.get(hash);
        if (tokens !== undefined) stamps[index * count + number] = -tokens;
      }
    }
    for (const [number, each] of times.entries()) {
      const own = each === undefined ? undefined : held.get(each.stage.model);
      if (each === undefined || own === undefined) continue;
      const { stage, linkTokens } = each;
      let level = each.levelOf(engine.cachedTokens(stage));
      let stamp = level === 0 ? 0 : -(own.get(stage.chain[level - 1]!.hash) ?? linkTokens[level]!);
      const hashes = coming.get(stage.model);
      while (hashes?.has(stage.chain[level]?.hash ?? -1) === true) stamp = -linkTokens[++level]!;
      cached[number * cluster.count + index] = level;
      cachedStamps[number * cluster.count + index] = stamp;
    }
  }
  return { cached, cachedStamps, stamps };
}

/** Behind so many prefixes a cache is not gone through: what it has is taken as used just now. */
const mostListed = 4096;

const noneListed: ReadonlyMap<number, number> = new Map();

/** By link that the engine has cached, how many tokens were used after it, itself among them. */
function usedSinceIn({ prefixes }: EngineState, model: string): ReadonlyMap<number, number> {
  const cache = prefixes.get(model);
  return cache === undefined || cache.size > mostListed ? noneListed : cache.usedSince();
}

/** What the shares that run leave cached, by model. */
function comingLinks({ running }: EngineState, linksOutputs: boolean): ReadonlyMap<string, ReadonlySet<number>> {
  const coming = new Map<string, Set<number>>();
  for (const { stage, items, phase } of running) {
    // KV that was handed over is written on to elsewhere, and is cached nowhere then.
    if (phase === "decode") continue;
    const hashes = coming.get(stage.model) ?? new Set();
    coming.set(stage.model, hashes);
    const links = items > 1 || stage.items > 1 ? stage.sharedLinks : stage.chain.length;
    for (const { hash } of stage.chain.slice(0, links)) hashes.add(hash);
    if (linksOutputs && phase === "whole" && stage.kind === "llm" && stage.items === 1)
      hashes.add(chainHash(stage.chain.at(-1)?.hash, `output:${stage.key}`));
  }
  return coming;
}
