import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { commands } from "../../src/cli/commands.ts";
import { fate, fateOn } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "fate-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string): string => join(folder, name);

const workload = "examples/workload.yaml";
const cluster = "examples/cluster.yaml";
/** Small enough to run in the blink of an eye, large enough that policies differ. */
const generated = ["--generate", "rag", "--count", "4", "--cluster", "hetero-8"] as const;

describe("help", () => {
  test("names every command, and every command has examples that its own table understands", async () => {
    const { code, out } = await fate("--help");
    expect(code).toBe(0);
    for (const { name, summary } of commands) expect(out).toContain(`${name.padEnd(14)}  ${summary}`);
  });

  test.each(commands.map(({ name }) => name))(
    "fate %s --help has usage, options, examples and exit codes",
    async (name) => {
      const { code, out, notes } = await fate(...name.split(" "), "--help");
      expect([code, notes]).toEqual([0, ""]);
      for (const part of [`fate ${name}: `, "Usage: fate ", "--json", "Examples:\n  fate ", "Exit codes: "])
        expect(out).toContain(part);
    },
  );

  test("the version is the package's", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    expect((await fate("--version")).out).toBe(`fate ${version}\n`);
    expect(JSON.parse((await fate("--version", "--json")).out)).toEqual({ fate: version });
  });
});

describe("bad input ends with code 2 and one line", () => {
  writeFileSync(file("bad.yaml"), "version: 1\nid: x\nworkflows: [\n  - {\n");
  writeFileSync(file("typo.yaml"), "version: 1\nid: x\nworkflows:\n  - { id: a, stagess: [] }\n");
  writeFileSync(
    file("flow.yaml"),
    "stages:\n  - { id: a, kind: llm, model: m, prompt: x }\n  # one more\n  - { id: b, kind: llm, prompt: y }\n",
  );
  writeFileSync(file("empty.ndjson"), "");

  test.each([
    [["simualte"], "fate: no command simualte, did you mean simulate?; see fate --help"],
    [
      ["trace", "convrt"],
      'fate: fate trace: found "convrt", expected one of generate, convert, describe, did you mean convert?',
    ],
    [
      ["simulate", "--polcy", "heft"],
      "fate: fate simulate has no option --polcy, did you mean --policy?; see fate simulate --help",
    ],
    [["simulate", workload, "--policy", "round-robbin"], "did you mean round-robin?"],
    [
      ["simulate", workload, "--seed", "one"],
      'fate: --seed: found "one", expected a whole number from 0 to 1000000000000000',
    ],
    [["simulate"], "fate: no workload: name a file, or --generate FAMILY; fate families lists the families"],
    [["simulate", "--generate", "montaje"], "did you mean montage?"],
    [["simulate", workload, "--generate", "montage"], "found both a file and --generate"],
    [["simulate", "--generate", "rag", "--generate", "chat"], '--generate: found "rag" and "chat", expected it once'],
    [["trace", "generate", "bogus"], 'fate: FAMILY: found "bogus", expected a family; fate families lists them'],
    [["simulate", workload, "--format", "nope"], '--format: found "nope", expected one of auto, fate, wfformat, '],
    [
      ["simulate", workload, "--policy", "nope"],
      'fate: --policy: found "nope", expected a name that fate policies lists',
    ],
    [["serve", "--policy", "nope"], 'fate: --policy: found "nope", expected a name that fate policies lists'],
    [["compare", workload, "--baseline", "nope"], "expected a name that fate policies lists"],
    [["compare", workload, "--policies", "heft,nope"], "expected a name that fate policies lists"],
    [["bench", "standing", "nope"], "fate policies lists them"],
    [["torture", "--off", "nope"], '--off: found "nope", expected one of crash, '],
    [["torture", "--seeds", "x"], '--seeds: found "x", expected seeds such as 7, 1-8 or 1-4,9'],
    [
      ["trace", "convert", workload, "--model", "nope"],
      'fate: --model: found "nope", expected a model that fate knows',
    ],
    [["simulate", workload, "--models", "opus=nope"], 'fate: --models: found "nope", expected a model that fate knows'],
    [["engine", "--gpu", "bogus"], 'fate: --gpu: found "bogus", expected one of a100-80g'],
    [["engine", "--resident", "qwen3-8b"], "fate: --resident: qwen3-8b is none of the models"],
    [["run", "nowhere.yaml"], "fate: nowhere.yaml: found no such file, expected a readable file"],
    [["run", folder], "found a directory, expected a file"],
    [["run", "x.yaml", "--url", "foo"], '--url: found "foo", expected an address such as http://127.0.0.1:7373'],
    [["check", folder], "found a directory, expected a journal"],
    [["simulate", workload, "--cluster", "hetro-8"], "did you mean hetero-8?"],
    [
      ["simulate", "--generate", "chat", "--cluster", "batched-4"],
      "fate: batched-4: engines: found none that can hold llama-3.1-70b, expected one for each model that stages call; --model or --models choose others such as llama-3.1-8b, --cluster other machines such as a100-8",
    ],
    [["simulate", "--generate", "chat", "--model", "lama-3.1-8b"], "did you mean llama-3.1-8b?"],
    [["simulate", "nowhere.yaml"], "fate: nowhere.yaml: found no such file, expected a readable file"],
    [["simulate", file("bad.yaml")], "bad.yaml: line "],
    [["simulate", file("typo.yaml")], "typo.yaml: line 4: workflows[0]"],
    [["run", file("flow.yaml")], "flow.yaml: line 4: stages[1].model: found nothing"],
    [
      ["simulate", workload, "--journal", join(folder, "no", "such", "folder")],
      "found no such folder, expected a place to write to",
    ],
    [["compare", workload, "--seeds", "4-1"], "expected seeds such as 7, 1-8 or 1-4,9"],
    [["check", "nowhere.ndjson"], "nowhere.ndjson: found no such file"],
    [["check", file("empty.ndjson")], "empty.ndjson"],
    [["check"], "fate: fate check needs FILE...; see fate check --help"],
    [["trace", "describe", "nowhere"], "fate: nowhere: found no such file, expected a readable file"],
    [["calibrate", "--data", folder], "no operator tables"],
  ])("fate %j", async (words, message) => {
    const { code, out, notes } = await fate(...words);
    expect(notes).toContain(message);
    expect(notes.trimEnd().split("\n")).toHaveLength(1);
    expect([code, out]).toEqual([2, ""]);
  });
});

describe("simulate and check", () => {
  test("two runs of one seed write the same journal, and it obeys the laws", async () => {
    for (const name of ["a.ndjson", "b.ndjson"]) {
      const ran = await fate(
        "simulate",
        ...generated,
        "--policy",
        "greedy-finish",
        "--seed",
        "3",
        "--faults",
        "heavy",
        "--journal",
        file(name),
      );
      expect(ran.code).toBe(0);
    }
    expect(readFileSync(file("a.ndjson")).equals(readFileSync(file("b.ndjson")))).toBe(true);
    const { code, out } = await fate("check", file("a.ndjson"), file("b.ndjson"));
    expect(code).toBe(0);
    expect(out.match(/all laws hold/g)).toHaveLength(2);
  });

  test("an example of ours runs on an example of ours", async () => {
    const { code, out, notes } = await fate("simulate", workload, "--cluster", cluster, "--policy", "heft", "--json");
    expect([code, notes]).toEqual([0, ""]);
    expect(JSON.parse(out)).toMatchObject({ workload: "example", policy: "heft", metrics: { workflows: 2 } });
  });

  test("a journal that was tampered with breaks a law, and says where", async () => {
    await fate("simulate", workload, "--cluster", cluster, "--policy", "heft", "--journal", file("whole.ndjson"));
    const lines = readFileSync(file("whole.ndjson"), "utf8").trimEnd().split("\n");
    const cut = lines.findIndex((line) => line.includes('"share-end"'));
    const [header, ...rest] = lines.toSpliced(cut, 1);
    const numbered = rest.map((line, index) => line.replace(/"sequence":\d+/, `"sequence":${index + 1}`));
    writeFileSync(file("cut.ndjson"), [header, ...numbered, ""].join("\n"));
    const { code, out } = await fate("check", file("cut.ndjson"));
    expect(code).toBe(1);
    expect(out).toMatch(/record \d+: [a-z-]+: /);
    const asJson = await fate("check", file("cut.ndjson"), "--json");
    expect(asJson.code).toBe(1);
    expect((JSON.parse(asJson.out) as unknown[]).length).toBe(1);
  });

  test("an interrupted run leaves no file behind", async () => {
    const interrupt = new AbortController();
    setTimeout(() => interrupt.abort(), 400);
    const long = ["--generate", "montage", "--count", "3000", "--rate", "10", "--journal", file("long.ndjson")];
    const { code, notes } = await fateOn({ signal: interrupt.signal }, "simulate", ...long);
    expect([code, notes]).toEqual([130, "fate: interrupted\n"]);
    expect(readdirSync(folder).filter((name) => name.startsWith("long"))).toEqual([]);
  });
});

describe("trace", () => {
  test("an interrupt is heard while workflows are generated, which shows how far it is, and leaves no file behind", async () => {
    const interrupt = new AbortController();
    const shown: string[] = [];
    const progress = (line: string): void => {
      if (shown.push(line) === 3) interrupt.abort();
    };
    const words = ["trace", "generate", "rag", "--count", "100000", "--out", file("endless.ndjson")];
    const { code, out, notes } = await fateOn({ signal: interrupt.signal, progress }, ...words);
    expect([code, out, notes]).toEqual([130, "", "fate: interrupted\n"]);
    expect(shown.at(-1)).toContain("3 of 100000 workflows generated");
    expect(readdirSync(folder).filter((name) => name.includes("endless"))).toEqual([]);
  });

  test("what is generated reads back, and converts", async () => {
    const made = file("made.ndjson");
    const generate = await fate("trace", "generate", "rag", "--count", "4", "--seed", "2", "--out", made);
    expect(generate).toMatchObject({ code: 0, out: "" });
    expect(generate.notes).toContain("wrote 4 workflows");
    const described = await fate("trace", "describe", made, "--json");
    expect(JSON.parse(described.out)).toMatchObject({ workflows: 4 });
    const trace = file("trace.jsonl");
    const converted = await fate("trace", "convert", made, "--to", "agentic-mooncake", "--out", trace);
    expect(converted).toMatchObject({ code: 0, out: "" });
    expect(converted.notes).toContain("the format has no place for which of 3 models a call is for; ");
    expect(JSON.parse((await fate("trace", "describe", trace, "--json")).out)).toMatchObject({ workflows: 4 });
    const again = await fate("trace", "convert", made, "--to", "agentic-mooncake");
    expect(again.out === readFileSync(trace, "utf8")).toBe(true);
  });

  test("a generated workload is the one that simulate generates", async () => {
    const made = file("same.ndjson");
    await fate("trace", "generate", "rag", "--count", "4", "--seed", "5", "--out", made);
    const metrics = async (...words: readonly string[]): Promise<unknown> =>
      (
        JSON.parse((await fate("simulate", ...words, "--policy", "heft", "--seed", "5", "--json")).out) as {
          metrics: unknown;
        }
      ).metrics;
    expect(await metrics(made, "--cluster", "hetero-8")).toEqual(await metrics(...generated));
  });
});

describe("lists", () => {
  test.each([
    ["policies", "round-robin"],
    ["clusters", "hetero-8"],
    ["families", "montage"],
  ])("fate %s lists names with summaries, also as JSON", async (name, member) => {
    const { out } = await fate(name);
    expect(out).toMatch(new RegExp(`^${member} `, "m"));
    const listed = JSON.parse((await fate(name, "--json")).out) as { name: string; summary: string }[];
    expect(listed.map((item) => item.name)).toContain(member);
    for (const { summary } of listed) expect(summary).not.toBe("");
  });

  test("fate policies says each suffix once and what it can stand behind; the JSON has every name", async () => {
    const { out } = await fate("policies");
    expect(out).toMatch(/^NAME\+shards +NAME that may split .*\n +NAME: round-robin, /m);
    expect(out).not.toMatch(/^heft\+shards/m);
    const listed = JSON.parse((await fate("policies", "--json")).out) as { name: string; summary: string }[];
    expect(listed).toContainEqual({
      name: "heft+shards",
      summary: "heft that may split a stage's items over two engines of a host",
    });
  });
});
