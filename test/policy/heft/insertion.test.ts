import { expect, test } from "vitest";
import { occupy, pickEarliestFinish, type Choice, type Slot } from "../../../src/policy/heft/insertion.ts";
import { byRank, upwardRanks } from "../../../src/policy/heft/upward-rank.ts";

/** The example of Topcuoglu, Hariri and Wu 2002, figure 2 and table 2: ten tasks, three processors. */
const costs = [
  [14, 16, 9],
  [13, 19, 18],
  [11, 13, 19],
  [13, 8, 17],
  [12, 13, 10],
  [13, 16, 9],
  [7, 15, 11],
  [5, 11, 14],
  [18, 12, 20],
  [21, 7, 16],
];

/** Transfer by parent and child, numbered from 1 as in the paper. */
const edges: readonly (readonly [parent: number, child: number, transfer: number])[] = [
  [1, 2, 18],
  [1, 3, 12],
  [1, 4, 9],
  [1, 5, 11],
  [1, 6, 14],
  [2, 8, 19],
  [2, 9, 16],
  [3, 7, 23],
  [4, 8, 27],
  [4, 9, 23],
  [5, 9, 13],
  [6, 8, 15],
  [7, 10, 17],
  [8, 10, 11],
  [9, 10, 13],
];

const children = costs.map((_, task) => edges.filter(([parent]) => parent === task + 1).map(([, child]) => child - 1));
const transferOf = (parent: number, child: number): number =>
  edges.find(([from, to]) => from === parent + 1 && to === child + 1)?.[2] ?? 0;

/** Three times the ranks of the paper, so that all numbers are whole: the sum of three costs for their mean. */
const tripleRanks = upwardRanks(
  children,
  (task) => (costs[task] ?? []).reduce((sum, cost) => sum + cost, 0),
  (parent, child) => 3 * transferOf(parent, child),
);

test("upward ranks are those of the published example", () => {
  expect(tripleRanks).toEqual([324, 231, 240, 240, 207, 190, 128, 107, 133, 44]);
});

test("the order is that of the published example", () => {
  expect(byRank(tripleRanks).map((task) => task + 1)).toEqual([1, 3, 4, 2, 5, 6, 9, 7, 8, 10]);
});

test("the makespan is that of the published example", () => {
  const timelines: Slot[][] = [[], [], []];
  const placed = new Map<number, { processor: number; finishUs: number }>();
  for (const task of byRank(tripleRanks)) {
    const choices = timelines.map((timeline, processor): Choice & { processor: number } => {
      const inputs = edges
        .filter(([, child]) => child === task + 1)
        .map(([parent, , transfer]) => {
          const result = placed.get(parent - 1);
          return (result?.finishUs ?? Infinity) + (result?.processor === processor ? 0 : transfer);
        });
      const durationUs = (): number => costs[task]?.[processor] ?? Infinity;
      return { processor, timeline, readyUs: Math.max(0, ...inputs), durationUs, tailUs: 0 };
    });
    const fit = pickEarliestFinish(choices);
    if (fit === undefined) throw new Error(`task ${task} fits nowhere`);
    occupy(fit);
    placed.set(task, { processor: fit.choice.processor, finishUs: fit.finishUs });
  }
  expect([...placed.values()].reduce((latest, { finishUs }) => Math.max(latest, finishUs), 0)).toBe(80);
  expect([3, 4, 2].map((task) => placed.get(task - 1)?.processor)).toEqual([2, 1, 0]);
});

const choice = (timeline: Slot[], readyUs: number, durationUs = 10): Choice => ({
  timeline,
  readyUs,
  durationUs: () => durationUs,
  tailUs: 0,
});

test("a task goes into the first gap that is long enough", () => {
  const timeline = [
    { startUs: 0, endUs: 10 },
    { startUs: 15, endUs: 20 },
    { startUs: 30, endUs: 40 },
  ];
  expect(pickEarliestFinish([choice(timeline, 0)])).toMatchObject({ index: 2, startUs: 20, endUs: 30 });
  expect(pickEarliestFinish([choice(timeline, 21)])).toMatchObject({ index: 3, startUs: 40, endUs: 50 });
  expect(pickEarliestFinish([choice(timeline, 0, 5)])).toMatchObject({ index: 1, startUs: 10, endUs: 15 });
});

test("a later gap is taken if what runs before it makes the task end earlier", () => {
  const timeline = [
    { startUs: 0, endUs: 10, model: "other" },
    { startUs: 40, endUs: 50, model: "same" },
  ];
  const swapping: Choice = { ...choice(timeline, 0), durationUs: (previous) => (previous?.model === "same" ? 5 : 100) };
  expect(pickEarliestFinish([swapping])).toMatchObject({ index: 2, startUs: 50, endUs: 55 });
});

test("of equal choices the first is taken, and a tail counts", () => {
  const [first, second] = [choice([], 0), choice([], 0)];
  expect(pickEarliestFinish([first, second])?.choice).toBe(first);
  expect(pickEarliestFinish([{ ...first, tailUs: 1 }, second])?.choice).toBe(second);
});
