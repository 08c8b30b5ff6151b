/**
 * Prompts of one session as sequences of block ids, kept as a radix tree: prompts that begin alike share nodes, and a node
 * ends only where some prompt ends or parts from another. One node becomes one segment.
 */

import type { Segment } from "../model/workflow.ts";

export type BlockTree = {
  /** Adds a prompt. Its segments are known when all are added. */
  readonly add: (blocks: readonly number[]) => BlockPrompt;
  readonly segments: (prompt: BlockPrompt) => readonly Segment[];
};

/** Where a prompt ends. */
export type BlockPrompt = { readonly end: Node };

type Node = {
  readonly key: number;
  parent: Node | undefined;
  /** Ids on the way from the parent; only the root has none. */
  blocks: readonly number[];
  /** By first id. */
  readonly children: Map<number, Node>;
  segment?: Segment;
};

/** `name` tells the session's texts from those of others. Adding costs the length of the prompt. */
export function createBlockTree(name: string, blockTokens: number): BlockTree {
  let keys = 0;
  const createNode = (parent: Node | undefined, blocks: readonly number[]): Node => {
    const node: Node = { key: keys++, parent, blocks, children: new Map() };
    if (parent !== undefined) parent.children.set(blocks[0] ?? 0, node);
    return node;
  };
  const root = createNode(undefined, []);

  /** Puts a node of the first `length` blocks between `node` and its parent. */
  const split = (node: Node, length: number): Node => {
    const upper = createNode(node.parent, node.blocks.slice(0, length));
    node.parent = upper;
    node.blocks = node.blocks.slice(length);
    upper.children.set(node.blocks[0] ?? 0, node);
    return upper;
  };

  const add = (blocks: readonly number[]): BlockPrompt => {
    let node = root;
    let at = 0;
    while (at < blocks.length) {
      const next = node.children.get(blocks[at] ?? 0);
      if (next === undefined) return { end: createNode(node, blocks.slice(at)) };
      let common = 1;
      const most = Math.min(next.blocks.length, blocks.length - at);
      while (common < most && next.blocks[common] === blocks[at + common]) common++;
      node = common < next.blocks.length ? split(next, common) : next;
      at += common;
    }
    return { end: node };
  };

  const segments = ({ end }: BlockPrompt): readonly Segment[] => {
    const path: Segment[] = [];
    for (let node: Node | undefined = end; node?.parent !== undefined; node = node.parent) {
      node.segment ??= { kind: "text", key: `${name}:${node.key}`, tokens: node.blocks.length * blockTokens };
      path.push(node.segment);
    }
    return path.toReversed();
  };
  return { add, segments };
}
