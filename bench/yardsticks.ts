/**
 * How far mean latencies are from what no policy undercuts: `npm run bench -- yardsticks [SEEDS] [--out PREFIX]`. The policies of benchmark A
 * as its result file has them, on all its seeds and clusters; and `foresight` with and without the truth on `hetero-8` for
 * SEEDS, as `1-3`.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { renderYardsticks, type Cell, type Measured } from "./render-yardsticks.ts";
import type { YardstickReport, YardstickTask } from "./yardsticks-worker.ts";

const clusters = ["hetero-8", "a100-8", "h100-4-a100-4"];
const loads = [undefined, 0.15, 0.25, 0.4];
const soloSeeds = 20;
const streamSeeds = 8;
/** Where `foresight` runs too. */
const planned = "hetero-8";

export async function benchYardsticks(): Promise<void> {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { out: { type: "string" } } });
  const [, seeds = "1-3"] = positionals;
  const [first = 1, last = first] = seeds.split("-").map(Number);
  const file = JSON.parse(readFileSync("docs/results/real-dag.json", "utf8")) as { readonly cells: readonly Cell[] };
  const measured = await measure(toTasks(first, last));
  const text = renderYardsticks(measured, file.cells, `npm run bench -- yardsticks ${seeds}`);
  console.log(text);
  if (values.out === undefined) return;
  writeFileSync(`${values.out}.json`, `${JSON.stringify(measured, null, 1)}\n`);
  writeFileSync(`${values.out}.md`, text);
}

/** The longest first. */
function toTasks(first: number, last: number): readonly YardstickTask[] {
  const tasks: YardstickTask[] = [];
  const add = (cluster: string, load: number | undefined, seed: number, kind: YardstickTask["kind"]): void => {
    tasks.push({ cluster, ...(load === undefined ? {} : { load }), seed, kind });
  };
  for (let seed = first; seed <= last; seed++)
    for (const load of loads) {
      add(planned, load, seed, "foresight");
      add(planned, load, seed, "told");
    }
  for (const cluster of clusters)
    for (const load of loads)
      for (let seed = 1; seed <= (load === undefined ? soloSeeds : streamSeeds); seed++)
        add(cluster, load, seed, "bound");
  return tasks;
}

/** Each worker takes the next task as soon as it is done with one; the answer is in the order of the tasks. */
async function measure(tasks: readonly YardstickTask[]): Promise<readonly Measured[]> {
  const measured: Measured[] = [];
  let next = 0;
  let done = 0;
  const runWorker = (): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const worker = new Worker(new URL("yardsticks-worker.ts", import.meta.url));
    let at = 0;
    const handOut = (): void => {
      at = next++;
      const task = tasks[at];
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      if (task !== undefined) return worker.postMessage(task);
      resolve(worker.terminate().then(() => {}));
    };
    worker.on("error", reject);
    worker.on("message", ({ task, found }: YardstickReport) => {
      measured[at] = { ...task, ...found };
      done += 1;
      process.stderr.write(`${done}/${tasks.length}  ${JSON.stringify(measured[at])}\n`);
      handOut();
    });
    handOut();
    return promise;
  };
  await Promise.all(Array.from({ length: Math.min(tasks.length, availableParallelism()) }, runWorker));
  return measured;
}
