import { expect, test } from "vitest";
import { parse as parseYamlText } from "yaml";
import { parseArguments } from "../../src/cli/arguments.ts";
import { createKeyCommand } from "../../src/cli/key.ts";
import { createKeyring, hashKey } from "../../src/gateway/config/keys.ts";
import { parseConfig } from "../../src/gateway/config/parse-config.ts";

type Ran = { readonly out: string; readonly notes: string };

async function run(words: readonly string[], input: readonly (string | Uint8Array)[] = []): Promise<Ran> {
  let out = "";
  let notes = "";
  // oxlint-disable-next-line typescript/require-await
  const keyCommand = createKeyCommand(async function* () {
    yield* input;
  });
  const parsed = parseArguments(words, keyCommand);
  await keyCommand.run({
    ...parsed,
    terminal: {
      out: (text) => (out += text),
      note: (line) => (notes += line),
      progress: () => {},
      endProgress: () => {},
      color: false,
      columns: Infinity,
      signal: new AbortController().signal,
      nowMs: () => 0,
    },
  });
  return { out, notes };
}

test("a new key is shown once, with lines that admit it", async () => {
  const { out, notes } = await run([]);
  const [key = "", , ...lines] = out.split("\n");
  expect(key).toMatch(/^fk-[A-Za-z0-9_-]{43}$/);
  expect(lines.join("\n")).not.toContain(key);
  expect(notes).toBe("The key is shown this once; fate.yaml needs its hash only.");
  const config = parseConfig(`${lines.join("\n")}engines: [{ kind: emulated, models: [qwen3-8b] }]`, "fate.yaml");
  const id = `key-${hashKey(key).slice(0, 8)}`;
  expect(createKeyring(config).find({ apiKey: key })).toEqual({ tenant: "default", key: id, operator: true });
});

test("names are taken over, even those that YAML would take for numbers", async () => {
  const { out } = await run(["--id", "1", "--tenant", "2e3"]);
  const text = out.slice(out.indexOf("keys:"));
  expect(parseYamlText(text)).toMatchObject({ keys: [{ id: "1", tenant: "2e3" }] });
});

test("--hash reads a key and never repeats it", async () => {
  const key = "fk-abcdefghijklmnopqrstuvwxyz";
  const { out, notes } = await run(["--hash"], [key.slice(0, 5), new TextEncoder().encode(`${key.slice(5)}\n`)]);
  expect(out).toBe(
    `keys:\n  - id: "key-${hashKey(key).slice(0, 8)}"\n    sha256: "${hashKey(key)}"\n    tenant: "default"\n`,
  );
  expect(notes).toBe("");
});

test("--json has the same", async () => {
  const { out } = await run(["--json", "--id", "a"]);
  const { key, ...entry } = JSON.parse(out) as { key: string };
  expect(entry).toEqual({ id: "a", sha256: hashKey(key), tenant: "default" });
  const hashed = await run(["--json", "--hash"], ["x".repeat(20)]);
  expect(JSON.parse(hashed.out)).not.toHaveProperty("key");
});

test.each([
  [["--hash"], [], "reads one key of 20 to 512 characters"],
  [["--hash"], ["short"], "reads one key"],
  [["--hash"], ["fk-abcdefghijklmnop two"], "reads one key"],
  [["--hash"], ["x".repeat(10_000)], "reads one key"],
  [["--tenant", "a b"], [], '--tenant: found "a b"'],
  [["--id", ""], [], '--id: found ""'],
])("%j refuses %j", async (words, input, message) => {
  await expect(run(words, input)).rejects.toThrow(message);
});
