import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { toCells } from "../../src/experiment/bench/benchmark.ts";
import { benchmarks } from "../../src/experiment/bench/benchmarks.ts";
import { parseUndecided } from "../../src/experiment/bench/standing/undecided.ts";
import { parseRivals } from "../../src/experiment/bench/standing/rivals.ts";
import { fate } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "fate-standing-"));
afterAll(() => rmSync(folder, { recursive: true }));

const head = (benchmark: string) => ({
  benchmark,
  version: "1+abc",
  command: `fate bench ${benchmark}`,
  data: "Made up",
  seeds: [1, 2, 3],
  policies: {},
  summary: [],
  paired: [],
});

/** Latency over the baseline's, by seed. */
type Speeds = Readonly<Record<string, readonly number[]>>;

/** Two workflows a seed. */
function latencies(mode: string, speeds: Speeds): readonly object[] {
  return Object.entries({ "round-robin": [1, 1, 1], ...speeds }).flatMap(([policy, list]) =>
    list.map((speed, index) => {
      const latenciesUs = [8, 16].map((seconds) => seconds * speed * 1e6);
      return { cluster: "hetero-8", mode, policy, seed: index + 1, ratios: [speed, speed], latenciesUs };
    }),
  );
}

/** Scales by policy, the same for both measures. */
function scales(workload: string, error: number, required: Readonly<Record<string, number | null>>): readonly object[] {
  return Object.entries(required).map(([policy, scale]) => {
    const place = { cluster: "het1", workload, load: 3, error, policy, seed: 1 };
    return { ...place, req95: scale, req99: scale, max: scale, mean: 1, scales: [] };
  });
}

function lost(policy: string, loadSeconds: number): readonly object[] {
  return [1, 2, 3].map((seed) => {
    const times = { meanUs: 8e6, p95Us: 9e6, loadUs: loadSeconds * 1e6 };
    return { driver: "simulator", mode: "quiet", policy, seed, ...times };
  });
}

const realDag = [
  ...latencies("solo", {
    foresight: [0.5, 0.5, 0.5],
    fate: [0.75, 0.75, 0.75],
    heft: [0.625, 0.625, 0.625],
    // None of these is another whole policy.
    "foresight-search": [0.25, 0.25, 0.25],
    "foresight@solver": [0.25, 0.25, 0.25],
    "fate-residency": [0.25, 0.25, 0.25],
    "hexagent-queued": [0.25, 0.25, 0.25],
    "foresight, told the lengths": [0.375, 0.375, 0.375],
    // It lacks a seed.
    kvflow: [0.125, 0.125],
  }),
  ...latencies("stream-0.15", { foresight: [0.5, 0.75, 0.625], heft: [0.625, 0.625, 0.625] }),
  ...latencies("stream-0.25", { foresight: [0.51, 0.51, 0.51], heft: [0.5, 0.5, 0.5], "fate+keep": [0.5, 0.51, 0.5] }),
  ...latencies("stream-0.40", { foresight: [0.75, 0.75, 0.75], heft: [0.625, 0.625, 0.625] }),
  ...latencies("solo-batched", { heft: [0.5, 0.5, 0.5] }),
];

const files = {
  "real-dag": { ...head("real-dag"), cells: realDag },
  "prefix-reuse": { ...head("prefix-reuse"), cells: latencies("share-0.50", { foresight: [0.505], heft: [0.5] }) },
  ablation: { ...head("ablation"), cells: latencies("solo", { fate: [0.5] }) },
  sensitivity: { ...head("sensitivity"), cells: latencies("usual", { foresight: [0.515], heft: [0.5] }) },
  "shared-pairs": { ...head("shared-pairs"), cells: latencies("rate-1", { foresight: [0.5], heft: [0.625] }) },
  agents: {
    ...head("agents"),
    seeds: [1],
    overall: [],
    cells: [
      ...scales("chat", 0, {
        foresight: 3,
        "hexagent+beyond": 4,
        "las@projected": 4.3,
        "fcfs@projected": 5,
        "hexagent-queued": 1,
      }),
      ...scales("mixed", 0, { foresight: null, hexagent: 4 }),
      ...scales("lats", 0, { foresight: null, hexagent: null }),
      ...scales("chat", 0.3, { foresight: 4.2, hexagent: 4 }),
      ...scales("bfcl", 0, { hexagent: 4 }),
    ],
  },
  workshop: { ...head("workshop"), cells: [...lost("foresight", 50), ...lost("fate+keep", 40), ...lost("fate", 99)] },
};

type Name = keyof typeof files;

/** A folder with these result files, some of which may be other text. */
function results(name: string, changed: Partial<Record<Name, string | undefined>> = {}): string {
  const place = join(folder, name);
  mkdirSync(place);
  for (const [benchmark, content] of Object.entries(files)) {
    const text = benchmark in changed ? changed[benchmark as Name] : JSON.stringify(content);
    if (text !== undefined) writeFileSync(join(place, `${benchmark}.json`), text);
  }
  return place;
}

type Row = { readonly benchmark: string; readonly mode: string; readonly measure: string; readonly outcome: string };

describe("the standing of foresight", async () => {
  const place = results("whole");
  const { code, notes } = await fate("bench", "standing", "--in", place, "--out", join(folder, "pages"));
  const page = readFileSync(join(folder, "pages", "standing.md"), "utf8");
  const file = JSON.parse(readFileSync(join(folder, "pages", "standing.json"), "utf8")) as {
    cells: readonly Row[];
    toReference: readonly Row[];
    missing: readonly { benchmark: string; cluster: string; mode: string; others: number }[];
    totals: readonly object[];
  };
  const at = (benchmark: string, mode: string, measure: string) =>
    file.cells.find((row) => row.benchmark === benchmark && row.mode === mode && row.measure === measure);

  test("is a page and a file", () => {
    expect([code, notes]).toEqual([
      0,
      `wrote ${join(folder, "pages", "standing.md")}\nwrote ${join(folder, "pages", "standing.json")}\n`,
    ]);
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });

  test("is against the best whole policy that ran on the same seeds", () => {
    expect(at("real-dag", "solo", "mean")).toMatchObject({
      own: 0.5,
      best: { policy: "heft", value: 0.625 },
      others: 3,
      difference: -0.2,
      ci95: [-0.2, -0.2],
      outcome: "win",
      told: -0.25,
    });
    expect(page).toContain("| solo | 0.500 | heft 0.625 | -20.0% ± 0.0 | win | -25.0% |");
  });

  test("is a tie where the interval holds 0, and a loss where it does not", () => {
    // Seed by seed -20%, +20% and 0%.
    expect(at("real-dag", "stream-0.15", "mean")).toMatchObject({ difference: 0, outcome: "tie" });
    expect(at("real-dag", "stream-0.25", "mean")).toMatchObject({ difference: 0.02, outcome: "loss" });
    expect(at("real-dag", "stream-0.40", "mean")).toMatchObject({ difference: 0.2, outcome: "loss" });
  });

  test("is a tie within 2% where one seed gives no interval", () => {
    expect(at("prefix-reuse", "share-0.50", "mean")).toMatchObject({ difference: 0.01, ci95: null, outcome: "tie" });
    expect(at("sensitivity", "usual", "P95")).toMatchObject({ difference: 0.03, ci95: null, outcome: "loss" });
  });

  test("is lost where it alone is never on time", () => {
    expect(at("agents", "mixed-load-3", "Req95")).toMatchObject({ own: null, difference: null, outcome: "loss" });
    expect(at("agents", "lats-load-3", "Req95")).toMatchObject({ own: null, difference: 0, outcome: "tie" });
    expect(at("agents", "chat-load-3", "Req99")).toMatchObject({ best: { policy: "hexagent+beyond" }, outcome: "win" });
    expect(at("agents, error 0.3", "chat-load-3", "Req99")).toMatchObject({ difference: 0.05, outcome: "loss" });
    expect(page).toContain("| het1 | W -25.0% | L never | T 0.0% |");
  });

  test("is also against the reference of agents alone", () => {
    expect(page).toContain("## Against hexagent");
    expect(page).toContain(
      "| agents, error 0.3 | Req95 | 1 | 1 | 0 | 0 | 1 | 1 | 0 | +5.0% | +5.0% het1 chat-load-3 |",
    );
    // There the best other is another one, and hexagent did not run.
    expect(file.toReference.some(({ benchmark, mode }) => benchmark === "agents" && mode === "chat-load-3")).toBe(
      false,
    );
  });

  test("counts the time that is lost to loads", () => {
    expect(at("workshop", "simulator, quiet", "lost to loads")).toMatchObject({
      best: { policy: "fate+keep", value: 40e6 },
      difference: 0.25,
      outcome: "loss",
    });
    expect(page).toContain("| 50.0 s | fate+keep 40.0 s | +25.0% ± 0.0 | loss |");
  });

  test("is counted, the largest losses by name", () => {
    expect(page).toContain("| real-dag | mean | 3 | 4 | 1 | 1 | 2 | 1 | 0 | +0.5% | +20.0% hetero-8 stream-0.40 |");
    expect(file.totals.at(-1)).toMatchObject({ benchmark: "all", cells: 25 });
    expect(page).toMatch(/Losses beyond 2%: 9: agents het1 mixed-load-3, Req95 never to hexagent;/);
  });

  test("names places where others ran without it, and those that never ran", () => {
    const missing = new Map(
      file.missing.map((each) => [`${each.benchmark}, ${each.cluster}, ${each.mode}`, each.others]),
    );
    expect(missing.get("real-dag, hetero-8, solo-batched")).toBe(2);
    expect(missing.get("agents, het1, bfcl-load-3")).toBe(1);
    expect(missing.get("sensitivity, hetero-8, 2-models")).toBe(0);
    expect(missing.has("real-dag, hetero-8, solo")).toBe(false);
    expect(page).toContain("\n- real-dag: hetero-8 (solo-batched); a100-8 (solo, stream-0.15,");
  });
});

test("the standing of another policy has a name of its own, and one that ran nowhere says so", async () => {
  const place = results("another");
  expect((await fate("bench", "standing", "cpop", "--in", place)).code).toBe(0);
  const page = readFileSync(join(place, "standing-cpop.md"), "utf8");
  expect(page).toContain("Missing, since `cpop` did not run there:");
  expect(page).not.toContain("Totals");
  const { out } = await fate("bench", "standing", "fate", "--in", place, "--json");
  const { policy, cells } = JSON.parse(out) as { policy: string; cells: readonly object[] };
  expect(policy).toBe("fate");
  // To `fate` a policy beyond it is another one; `fate+keep` is a form of itself.
  expect(cells[0]).toMatchObject({ mode: "solo", best: { policy: "foresight" }, outcome: "loss" });
});

describe("on further seeds", () => {
  const again = (seed: number) => JSON.stringify({ ...head("agents"), overall: [], seeds: [seed], cells: more(seed) });
  const more = (seed: number) =>
    scales("chat", 0, { foresight: 3.2, "hexagent+beyond": 4 }).map((cell) => ({ ...cell, seed }));

  test("a part of a benchmark counts with the whole of it, and whoever did not run there is left out", async () => {
    const place = results("further");
    writeFileSync(join(place, "agents-fresh.json"), again(2));
    await fate("bench", "standing", "--in", place);
    const { cells } = JSON.parse(readFileSync(join(place, "standing.json"), "utf8")) as { cells: readonly Row[] };
    const find = (mode: string) =>
      cells.find((row) => row.benchmark === "agents" && row.mode === mode && row.measure === "Req95");
    expect(find("chat-load-3")).toMatchObject({
      seeds: 2,
      own: 3.1,
      best: { policy: "hexagent+beyond", value: 4 },
      others: 1,
      difference: -0.225,
    });
    expect(find("mixed-load-3")).toMatchObject({ seeds: 1, others: 1 });
    expect(readFileSync(join(place, "standing.md"), "utf8")).toContain(
      "On further seeds of agents ran those of them that had come within 10% of the best on the first.",
    );
  });

  test("a seed that two files have is refused", async () => {
    const place = results("twice");
    writeFileSync(join(place, "agents-fresh.json"), again(1));
    const { code, notes } = await fate("bench", "standing", "--in", place);
    expect(code).toBe(2);
    expect(notes).toContain(
      `${join(place, "agents-fresh.json")}: cells: found foresight with seed 1, which ${join(place, "agents.json")} has too, expected further seeds of each place`,
    );
  });

  test("of places alone, whose first seeds others have already", async () => {
    const place = results("elsewhere");
    const cells = scales("bfcl", 0, { foresight: 3, hexagent: 4 }).map((cell) => ({ ...cell, cluster: "het2" }));
    writeFileSync(
      join(place, "agents-fresh.json"),
      JSON.stringify({ ...head("agents"), overall: [], seeds: [1], cells }),
    );
    expect((await fate("bench", "standing", "--in", place)).code).toBe(0);
    const page = readFileSync(join(place, "standing.json"), "utf8");
    expect(page).toContain('"cluster":"het2","mode":"bfcl-load-3","measure":"Req95","seeds":1,"own":3');
  });

  test("those run who came close to the best in a result file, and who is asked for", () => {
    const path = join(results("close"), "agents.json");
    const rivals = parseRivals(readFileSync(path, "utf8"), path, "agents");
    const meet = (mode: string) => {
      const narrowing = {
        clusters: ["het1"],
        modes: [mode],
        seeds: [2],
        policies: ["edf@least-loaded"] as const,
        rivals,
      };
      const cells = toCells(benchmarks["agents"]!.groups(undefined), narrowing, { training: false, check: false });
      return cells.map(({ spec }) => spec.policy);
    };
    expect(meet("chat-load-3")).toEqual(["edf@least-loaded", "las@projected", "hexagent+beyond", "foresight"]);
    expect(meet("chat-load-3-error-0.3")).toEqual(["hexagent", "foresight"]);
    // There nobody ran.
    expect(meet("chat-load-0.9")).toEqual(["edf@least-loaded", "foresight"]);
  });

  test("further seeds run where the policy may be more than 2% behind, by one measure at least", () => {
    const row = { benchmark: "agents", cluster: "het1", mode: "chat-load-3" };
    const cells = [
      { ...row, ci95: [-0.1, 0.02] },
      { ...row, mode: "bfcl-load-3", ci95: [-0.2, -0.1] },
      { ...row, mode: "bfcl-load-3", ci95: [-0.2, 0.021] },
      // With one seed there is no interval.
      { ...row, benchmark: "agents, error 0.3", ci95: null },
    ];
    const undecided = parseUndecided(JSON.stringify({ cells }), "standing.json", "agents");
    const groups = benchmarks["agents"]!.groups(undefined).filter(({ cluster }) => cluster === "het1");
    const met = toCells(groups, { seeds: [9], policies: ["foresight"], undecided }, { training: false, check: false });
    expect(met.map(({ mode }) => mode)).toEqual(["bfcl-load-3", "chat-load-3-error-0.3"]);
  });
});

describe("what cannot be read ends with code 2 and one line", () => {
  const torn = JSON.stringify(files.agents).slice(0, 400);
  const bad = JSON.stringify({ ...files.workshop, cells: [{ driver: "simulator" }] });
  const alone = JSON.stringify({ ...head("ablation"), cells: latencies("solo", { foresight: [1, 1, 1, 1] }) });
  test.each([
    ["none", { "prefix-reuse": undefined }, /prefix-reuse\.json: found no such file, expected a readable file\n$/],
    ["torn", { agents: torn }, /agents\.json: line 1:\d+: found/],
    ["bad", { workshop: bad }, /workshop\.json: cells\[0\]\.mode: found nothing, expected text/],
    ["alone", { ablation: alone }, /ablation\.json: cells: found not all seeds of round-robin on hetero-8, solo,/],
  ])("%s", async (name, changed, message) => {
    const { code, out, notes } = await fate("bench", "standing", "--in", results(name, changed));
    expect([code, out]).toEqual([2, ""]);
    expect(notes).toMatch(message);
    expect(notes.trimEnd()).not.toContain("\n");
  });

  test("nor does a policy that nobody knows", async () => {
    const { code, notes } = await fate("bench", "standing", "foresigt");
    expect([code, notes]).toEqual([
      2,
      'fate: fate bench standing: found no policy "foresigt"; fate policies lists them, did you mean foresight?\n',
    ]);
  });
});
