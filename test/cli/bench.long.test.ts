import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fate, fateOn } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "fate-bench-"));
afterAll(() => rmSync(folder, { recursive: true }));
const place = (name: string): string => join(folder, name);

/** A cell of each takes some hundredths of a second. */
const small = ["bench", "prefix-reuse", "--modes", "share-0.75", "--workers", "1"] as const;
const policies = ["--policies", "heft-online,greedy-finish-sharded"] as const;

type Cell = { readonly policy: string; readonly seed: number };

function cellLines(out: string): readonly string[] {
  const text = readFileSync(join(out, "prefix-reuse.json"), "utf8");
  return text.split("\n").filter((line) => line.includes('"latenciesUs"'));
}

describe("bad arguments end with code 2 and one line", () => {
  test.each([
    [[], "fate bench: found nothing, expected one of real-dag, prefix-reuse, ablation, sensitivity"],
    [["real-dga"], 'found "real-dga", expected one of real-dag'],
    [["real-dga"], "did you mean real-dag?"],
    [["real-dag", "--modes", "solo,streem"], '--modes: found "streem", expected names of solo, stream-0.15'],
    [["real-dag", "--clusters", "hetero-9"], "did you mean hetero-8?"],
    [["real-dag", "--policies", "hefd"], "did you mean heft?"],
    [["real-dag", "--seeds", "101"], "--seeds: found 101, expected seeds of 1-100; --training takes those from 101 on"],
    [["real-dag", "--training", "--seeds", "1-2"], "--seeds: found 1, expected seeds from 101 on"],
    [["real-dag", "--seeds", "0"], "--seeds: found 0, expected seeds of 1-100"],
    [["shared-pairs", "--undecided", "docs/results/standing.json"], "no place that is left is undecided in docs"],
    [
      ["ablation", "--clusters", "a100-8", "--modes", "solo"],
      "no place is of these clusters and these modes, see --list",
    ],
    [["real-dag", "--undecided", "package.json"], "package.json: cells: found nothing, expected a list"],
    [["real-dag", "--data", "nowhere"], '--data: found "nowhere", expected a folder with wfinstances/'],
    [["real-dag", "--workers", "0"], "--workers: found"],
    [["real-dag", "--gantt", "first"], '--gantt: found "first", expected a seed, or none'],
    [["prefix-reuse", "--seeds", "1-2", "--gantt", "3"], "--gantt: found 3, expected a seed that runs"],
    [["real-dag", "--rivals", "nowhere.json"], "nowhere.json: found no such file, expected a readable file"],
    [["real-dag", "--rivals", "package.json"], "package.json: benchmark: found nothing, expected text"],
    [["report"], "fate bench report needs NAME"],
    [["report", "real-dga"], "did you mean real-dag?"],
    [["report", "real-dag", "--in", "nowhere"], "real-dag.json: found no such file, expected a readable file"],
  ])("%j", async (words, message) => {
    const { code, out, notes } = await fate("bench", ...words);
    expect([code, out]).toEqual([2, ""]);
    expect(notes).toContain(message);
    expect(notes.trimEnd()).not.toContain("\n");
  });
});

test("with --rivals those run who came close in a result file, and the command says so", async () => {
  const speeds = { "round-robin": 1, foresight: 0.5, "heft-online": 0.6, kvflow: 0.65, "least-loaded": 0.7 };
  const cells = Object.entries(speeds).map(([policy, speed]) => {
    const own = { ratios: [speed, speed], latenciesUs: [1e6 * speed, 3e6 * speed] };
    return { cluster: "hetero-8", mode: "share-0.75", policy, seed: 1, ...own };
  });
  const head = { benchmark: "prefix-reuse", version: "1", command: "fate bench prefix-reuse", data: "made up" };
  const rivals = place("close.json");
  writeFileSync(rivals, JSON.stringify({ ...head, seeds: [1], policies: {}, cells, summary: [], paired: [] }));
  const out = place("rivals");
  const { code } = await fate(...small, "--seeds", "2", "--rivals", rivals, "--gantt", "none", "--out", out);
  expect(code).toBe(0);
  const lines = cellLines(out).map((line) => (JSON.parse(line.replace(/,$/, "")) as Cell).policy);
  expect(lines.toSorted()).toEqual(["foresight", "heft-online", "kvflow", "round-robin"]);
  expect(readFileSync(join(out, "prefix-reuse.json"), "utf8")).toContain(`--rivals ${rivals}`);
});

test("--list names benchmarks, clusters and modes", async () => {
  const { code, out } = await fate("bench", "--list");
  expect(code).toBe(0);
  for (const part of ["real-dag", "hetero-8, a100-8, h100-4-a100-4", "solo-batched", "deep-chains"])
    expect(out).toContain(part);
  const list = JSON.parse((await fate("bench", "--list", "--json")).out) as { name: string; cells: number }[];
  expect(list.map(({ name }) => name)).toEqual([
    "real-dag",
    "prefix-reuse",
    "ablation",
    "sensitivity",
    "agents",
    "shared-pairs",
  ]);
});

test("an interrupted run goes on where it stopped, and its result is that of an undisturbed one", async () => {
  const words = [...small, ...policies, "--seeds", "1-3", "--gantt", "none"];
  const whole = await fate(...words, "--out", place("whole"));
  expect(whole.code).toBe(0);

  const interrupt = new AbortController();
  const stopping = {
    signal: interrupt.signal,
    progress: (line: string) => {
      if (/ [4-9] of 9 cells/.test(line)) interrupt.abort();
    },
  };
  const ended = await fateOn(stopping, ...words, "--out", place("stopped"));
  expect(ended.code).toBe(130);
  expect(ended.notes).toMatch(/^kept [4-8] of 9 cells; the same command goes on from there\nfate: interrupted\n$/);
  expect(readdirSync(place("stopped"))).toEqual([".partial"]);
  appendFileSync(join(place("stopped"), ".partial", "prefix-reuse.ndjson"), '{"key":"torn","resu');

  const resumed = await fate(...words, "--out", place("stopped"));
  expect(resumed.notes).toMatch(/^[4-8] of 9 cells are there from before\n/);
  for (const name of ["prefix-reuse.json", "prefix-reuse.svg"])
    expect(readFileSync(join(place("stopped"), name))).toEqual(readFileSync(join(place("whole"), name)));

  // Part of a run gives the very cells of the whole.
  await fate(...small, "--seeds", "2", "--policies", "heft-online", "--gantt", "none", "--out", place("part"));
  const part = cellLines(place("part")).map((line) => line.replace(/,$/, ""));
  const all = new Set(cellLines(place("whole")).map((line) => line.replace(/,$/, "")));
  expect(part.map((line) => JSON.parse(line) as Cell).map(({ policy, seed }) => [policy, seed])).toEqual([
    ["round-robin", 2],
    ["heft-online", 2],
  ]);
  expect(part.filter((line) => !all.has(line))).toEqual([]);

  const page = readFileSync(join(place("whole"), "prefix-reuse.md"), "utf8");
  expect(page).toContain("fate bench prefix-reuse --seeds 1-3 --modes share-0.75 --policies");
  expect(page).toContain("simulated");
  expect(page).toContain("| heft-online |");
  expect(readdirSync(place("whole")).sort()).toEqual([
    ".partial",
    "prefix-reuse.html",
    "prefix-reuse.json",
    "prefix-reuse.md",
    "prefix-reuse.svg",
    "prefix-reuse.times.json",
  ]);
});

test("a report is written again from its result file, without the cells", async () => {
  const read = (folderName: string, name: string): string => readFileSync(join(place(folderName), name), "utf8");
  const words = [...small, ...policies, "--seeds", "1-2", "--gantt", "2", "--out", place("first")];
  expect((await fate(...words)).code).toBe(0);
  const html = read("first", "prefix-reuse.html");
  expect(html).toContain("Two policies over time");
  expect(html).toContain("hetero-8, share-0.75, seed 2");
  const agreed = "They came out as the result file has them.";
  expect(html).toContain(agreed);

  // Cells that came out otherwise than the file says: the report is the same but for a sentence.
  const file = JSON.parse(read("first", "prefix-reuse.json")) as { cells: { latenciesUs: number[] }[] };
  for (const cell of file.cells) cell.latenciesUs = cell.latenciesUs.map((us) => us + 1);
  writeFileSync(join(place("first"), "prefix-reuse.json"), JSON.stringify(file));
  const from = ["bench", "report", "prefix-reuse", "--in", place("first"), "--workers", "1"];
  expect((await fate(...from, "--out", place("again"), "--gantt", "2")).code).toBe(0);
  const changed = "The code has changed since the result file was written, and they did not come out as it has them.";
  expect(read("again", "prefix-reuse.html").replace(changed, agreed)).toBe(html);
  for (const name of ["prefix-reuse.md", "prefix-reuse.svg"]) expect(read("again", name)).toBe(read("first", name));

  const { out } = await fate(...from, "--gantt", "none", "--json");
  const files = ["prefix-reuse.md", "prefix-reuse.svg", "prefix-reuse.html"].map((name) => join(place("first"), name));
  expect(JSON.parse(out)).toEqual({ benchmark: "prefix-reuse", files });
  expect(read("first", "prefix-reuse.html")).not.toContain("Two policies over time");
  const beyond = await fate(...from, "--gantt", "9");
  expect(beyond.notes).toMatch(/^fate: --gantt: found 9, expected a seed of .*prefix-reuse.json: 1, 2\n$/);
});

test("cells of agents are the same in any part of the run, and so are their pages", async () => {
  const words = ["bench", "agents", "--clusters", "homo", "--modes", "chat-load-3", "--policies", "fcfs@least-loaded"];
  const both = await fate(...words, "--workers", "1", "--seeds", "1-2", "--out", place("agents"));
  expect(both.code).toBe(0);
  expect(both.notes).toContain("agents.svg");
  await fate(...words, "--workers", "1", "--seeds", "2", "--out", place("agents-2"));
  const cellsIn = (name: string): readonly string[] => {
    const lines = readFileSync(join(place(name), "agents.json"), "utf8").split("\n");
    return lines.filter((line) => line.includes('"scales"')).map((line) => line.replace(/,$/, ""));
  };
  expect(cellsIn("agents-2")).toEqual(cellsIn("agents").slice(1));
  expect(JSON.parse(cellsIn("agents-2")[0] ?? "")).toMatchObject({
    cluster: "homo",
    workload: "chat",
    load: 3,
    error: 0,
    policy: "fcfs@least-loaded",
    seed: 2,
    abandoned: 0,
  });
});
