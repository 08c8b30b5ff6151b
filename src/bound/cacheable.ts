/**
 * What of a prompt can be cached by the time its stage begins, at most: a prefix cache has only what other workflows left there, or what a
 * stage of this one left that need not come later.
 */

import { chainHash } from "../model/prefix.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import type { Workflow, WorkflowId } from "../model/workflow.ts";
import { toTrueStages, type TrueStage } from "./true-workflow.ts";

/** How many leading links of its prompt can be cached by the time a stage begins. */
export type Cacheable = (index: number) => number;

/** Whether other workflows may leave a link of a stage's prompt behind. */
export type Foreign = (stage: VisibleModelStage, link: number) => boolean;

/** Of others, nothing is known. */
export const anyOther: Foreign = ({ sharedLinks }, link) => link < sharedLinks;

/** Empty caches, and nobody else. */
export const nobody: Foreign = () => false;

/** Of these workflows, which leave behind what they begin with in common. */
export function theseOthers(workflows: readonly Workflow[]): Foreign {
  const firstIn = new Map<string, WorkflowId>();
  const shared = new Set<string>();
  for (const workflow of workflows) {
    for (const node of toTrueStages(workflow)) {
      if (node.kind !== "model") continue;
      for (const link of node.stage.chain.keys()) {
        const key = keyOf(node.stage, link);
        const first = firstIn.get(key);
        if (first === undefined) firstIn.set(key, workflow.id);
        else if (first !== workflow.id) shared.add(key);
      }
    }
  }
  return (stage, link) => shared.has(keyOf(stage, link));
}

/** A link of a prompt for the stage's model. */
export function keyOf({ model, chain }: VisibleModelStage, link: number): string {
  return `${model} ${chain[link]?.hash}`;
}

/** The link that a stage of one item leaves behind its prompt as it decodes. */
export function outputKey({ model, chain, key }: VisibleModelStage): string {
  return `${model} ${chainHash(chain.at(-1)?.hash, `output:${key}`)}`;
}

/** The links, from the first on, that others leave behind or a stage which may run before does. O(stages squared / 32). */
export function toCacheable(stages: readonly TrueStage[], foreign: Foreign): Cacheable {
  const descends = descendants(stages);
  const writers = new Map<string, number[]>();
  const note = (key: string, index: number): void => {
    const known = writers.get(key);
    if (known === undefined) writers.set(key, [index]);
    else if (known.at(-1) !== index) known.push(index);
  };
  for (const [index, node] of stages.entries()) {
    if (node.kind !== "model") continue;
    const { stage } = node;
    const links = stage.items > 1 ? stage.sharedLinks : stage.chain.length;
    for (let link = 0; link < links; link++) note(keyOf(stage, link), index);
    if (stage.items === 1) note(outputKey(stage), index);
  }
  return (index) => {
    const node = stages[index];
    if (node?.kind !== "model") return 0;
    const { stage } = node;
    const others = (link: number): boolean =>
      (writers.get(keyOf(stage, link)) ?? []).some((writer) => writer !== index && !descends(index, writer));
    // Several shares of one stage leave its shared links for one another.
    const shares = stage.items > 1 ? stage.sharedLinks : 0;
    const first = stage.chain.findIndex((_, link) => link >= shares && !foreign(stage, link) && !others(link));
    return first === -1 ? stage.chain.length : first;
  };
}

/** Whether the second comes after the first on some path. */
function descendants(stages: readonly TrueStage[]): (of: number, index: number) => boolean {
  const words = Math.ceil(stages.length / 32);
  const bits = new Uint32Array(stages.length * words);
  for (let index = stages.length - 1; index >= 0; index--) {
    for (const child of stages[index]?.children ?? []) {
      const at = index * words + (child >> 5);
      bits[at] = (bits[at] ?? 0) | (1 << (child & 31));
      for (let word = 0; word < words; word++) {
        bits[index * words + word] = (bits[index * words + word] ?? 0) | (bits[child * words + word] ?? 0);
      }
    }
  }
  return (of, index) => (((bits[of * words + (index >> 5)] ?? 0) >> (index & 31)) & 1) === 1;
}
