/** Whatever befalls several gateways, by seed: in the end one plans, every call is over once, and all books are right. */

import { expect } from "vitest";
import { createRng, type Rng } from "../../../src/random/rng.ts";
import type { Cluster } from "../../../src/model/cluster.ts";
import { cut, engines, inRoles, rejected } from "../live/world.ts";
import { leaseMs, World, type Call, type Node } from "./world.ts";

type Befall = (world: World, rng: Rng) => void;

/** What leaves every planner knowing what runs. */
const mild: readonly Befall[] = [
  (world, rng) => {
    for (const channel of pickNode(world, rng)?.channels ?? []) channel.snap();
  },
  (world, rng) => {
    if (world.nodes.filter(({ dead }) => !dead).length > 1 && rng.next() < 0.3) pickNode(world, rng)?.kill();
  },
  (world, rng) =>
    void pickNode(world, rng)
      ?.replica.stepDown()
      .catch(() => {}),
];

const wild: readonly Befall[] = [
  ...mild,
  (world, rng) => pickNode(world, rng)?.stop(),
  (world) => {
    for (const node of world.nodes) if (node.stopped) node.wake();
  },
  (world, rng) => {
    const node = pickNode(world, rng);
    if (node !== undefined) world.cut(node);
  },
  (world) => world.cuts.clear(),
  (world, rng) => {
    const node = pickNode(world, rng);
    if (node !== undefined) node.storeless = !node.storeless;
  },
];

const clusters: Readonly<Record<string, () => Cluster>> = {
  plain: () => engines("h100 h100"),
  pairs: () => inRoles(engines("h100 h100 h100"), "prefill", "decode", "both"),
  exclusive: () => engines("h100 h100", { batching: { kind: "exclusive", maxSequences: 1 } }),
};

export const clusterNames = Object.keys(clusters);

/** The most that may run on an engine at once. */
const places: Readonly<Record<string, number>> = { plain: 2, exclusive: 1 };
const steps = 80;

/** Every planner knows what runs: so no engine has more than it takes either. */
export async function liveMildly(name: string, seed: number): Promise<void> {
  const world = await live(name, seed, mild);
  // What decodes after a link broke is not in the books if no engine that prefills has room to tell of its prompt.
  for (const [engine, most] of world.most)
    expect(most, `seed ${seed}: ${engine}`).toBeLessThanOrEqual(places[name] ?? Infinity);
}

export async function liveWildly(name: string, seed: number): Promise<void> {
  await live(name, seed, wild);
}

async function live(name: string, seed: number, befalls: readonly Befall[]): Promise<World> {
  const rng = createRng(seed, `replicas ${name} ${befalls.length}`);
  await using world = await World.of(3, clusters[name]?.());
  const calls: { readonly node: Node; readonly call: Call }[] = [];
  for (let step = 0; step < steps; step++) {
    const luck = rng.next();
    const node = pickNode(world, rng);
    if (luck < 0.35 && node !== undefined && !node.stopped)
      calls.push({ node, call: node.call(rng.next() < 0.3 ? { items: 2 + rng.below(3), outputTokens: 4000 } : {}) });
    else if (luck < 0.85) goOn(calls, rng);
    else befalls[rng.below(befalls.length)]?.(world, rng);
    await world.pass(rng.next() < 0.1 ? rng.below(2 * leaseMs) : 1 + rng.below(20));
  }
  await calmDown(world, calls, rng);
  const told = `seed ${seed}`;
  for (const { node, call } of calls) {
    if (node.dead) continue;
    expect(call.isOver, `${told}: ${node.id} ${call.key}`).toBe(true);
    expect(call.ended, `${told}: ${node.id} ${call.key}`).toBeLessThanOrEqual(call.turns.at(-1)?.shares ?? 0);
  }
  expect(world.planners, told).toHaveLength(1);
  for (const node of world.nodes) {
    if (node.dead) continue;
    expect([node.driver.open(), node.driver.waiting()], told).toEqual([0, 0]);
    expect(
      node.faults.filter((fault) => !/^(link|lease)/.test(fault)),
      told,
    ).toEqual([]);
  }
  return world;
}

/** All gateways are there again, and whatever runs comes to its end. */
async function calmDown(world: World, calls: readonly { readonly node: Node; readonly call: Call }[], rng: Rng) {
  world.cuts.clear();
  for (const node of world.nodes) {
    node.storeless = false;
    if (node.stopped) node.wake();
  }
  await world.pass(5 * leaseMs);
  for (let rounds = 0; rounds < 200; rounds++) {
    const left = calls.filter(({ node, call }) => !node.dead && !call.isOver);
    if (left.length === 0) return;
    for (const { call } of left) for (const turn of call.running) advance(call, turn, rng, 1);
    await world.pass(20);
  }
}

function goOn(calls: readonly { readonly node: Node; readonly call: Call }[], rng: Rng): void {
  const there = calls.filter(({ node, call }) => !node.dead && !node.stopped && !call.isOver);
  const picked = there[rng.below(Math.max(1, there.length))];
  if (picked === undefined) return;
  const { node, call } = picked;
  if (rng.next() < 0.05) {
    call.giveUp(node);
    return;
  }
  const turn = call.running[rng.below(Math.max(1, call.running.length))];
  if (turn !== undefined) advance(call, turn, rng, 0.8);
}

function advance(call: Call, turn: Call["running"][number], rng: Rng, endsWith: number): void {
  const luck = rng.next();
  if (turn.phase === "prefill") turn.handedOver();
  else if (luck < endsWith) {
    turn.firstToken();
    turn.end({ outputTokens: 10 });
  } else if (luck < endsWith + (1 - endsWith) / 2) turn.firstToken();
  else {
    const fault = rng.next() < 0.7 ? cut : rejected;
    turn.fail(fault);
    if (!fault.retry) call.failed = true;
  }
}

function pickNode(world: World, rng: Rng): Node | undefined {
  const there = world.nodes.filter(({ dead }) => !dead);
  return there[rng.below(there.length)];
}
