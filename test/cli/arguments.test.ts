import { expect, test } from "vitest";
import { command, parseArguments } from "../../src/cli/arguments.ts";

const sample = command({
  name: "sample",
  summary: "a command",
  usage: "sample",
  options: [
    { name: "count", kind: "integer", min: 1, max: 9, summary: "how many", default: 3 },
    { name: "rate", kind: "number", min: 0, max: 1, summary: "how often" },
    { name: "policy", kind: "choice", choices: ["round-robin", "heft"], summary: "who" },
    { name: "policies", kind: "choices", choices: ["round-robin", "heft"], summary: "who all" },
    { name: "model", kind: "choice", choices: ["large", "small"], listedBy: "fate models", summary: "which" },
    { name: "input", kind: "text", many: true, summary: "what goes in" },
    { name: "json", kind: "flag", summary: "as JSON" },
  ],
  positionals: [{ name: "FILE", required: true, summary: "a file" }],
  examples: [],
  run: () => {},
});

const parse = (line: string) => parseArguments(line.split(" "), sample);

test("values follow their option, or an equals sign, and defaults fill in", () => {
  const { values, words } = parse("--rate 0.5 a.yaml --policies=heft,round-robin");
  expect(words).toEqual(["a.yaml"]);
  expect(values).toEqual({ count: 3, rate: 0.5, policies: ["heft", "round-robin"], json: false });
});

test("an option that may be given several times keeps all its values, in their order", () => {
  expect(parse("f --input a=1 --input=b=2 --input a=3").values["input"]).toEqual(["a=1", "b=2", "a=3"]);
});

test("two dashes end the options", () => {
  expect(parse("--json -- --count").words).toEqual(["--count"]);
});

test("help needs no positional", () => {
  expect(parse("--help").help).toBe(true);
  expect(parse("-h").help).toBe(true);
});

test.each([
  ["--cuont 3 f", "fate sample has no option --cuont, did you mean --count?; see fate sample --help"],
  ["--count x f", '--count: found "x", expected a whole number from 1 to 9'],
  ["--count 10 f", '--count: found "10", expected a whole number from 1 to 9'],
  ["--count 1.5 f", '--count: found "1.5", expected a whole number from 1 to 9'],
  ["--count= f", '--count: found "", expected a whole number from 1 to 9'],
  ["--rate Infinity f", '--rate: found "Infinity", expected a number from 0 to 1'],
  ["f --rate", "--rate needs a value: a number from 0 to 1"],
  ["--json=yes f", "--json is a flag and takes no value"],
  ["--policy hept f", '--policy: found "hept", expected one of round-robin, heft, did you mean heft?'],
  ["--policies heft,x f", '--policies: found "x", expected one of round-robin, heft'],
  ["--model lage f", '--model: found "lage", expected a name that fate models lists, did you mean large?'],
  ["--model x f", '--model: found "x", expected a name that fate models lists'],
  ["--count 1 --count=2 f", '--count: found "1" and "2", expected it once'],
  ["--policies heft --policies heft f", "expected it once; write several with commas between them"],
  ["--json", "fate sample needs FILE; see fate sample --help"],
  ["f g", 'fate sample does not expect "g"; see fate sample --help'],
])("%s is refused with one line", (line, message) => {
  expect(() => parse(line)).toThrow(message);
});
