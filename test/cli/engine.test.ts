import { expect, test } from "vitest";
import { parseArguments } from "../../src/cli/arguments.ts";
import { engineCommand } from "../../src/cli/engine.ts";
import { renderCommandHelp } from "../../src/cli/help.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import { UsageError } from "../../src/cli/usage-error.ts";

/** Runs it until `meet` has met the engine at its address. */
async function runEngine(words: readonly string[], meet: (url: string) => Promise<void>): Promise<string> {
  const interrupt = new AbortController();
  const listens = Promise.withResolvers<string>();
  let out = "";
  const terminal: Terminal = {
    out: (text) => {
      out += text;
      const url = /http:\/\/[\d.:]+/.exec(text)?.[0];
      if (url !== undefined) listens.resolve(url);
    },
    note: () => {},
    progress: () => {},
    endProgress: () => {},
    color: false,
    columns: Infinity,
    signal: interrupt.signal,
    nowMs: () => 0,
  };
  const running = engineCommand.run({ ...parseArguments(words, engineCommand), terminal });
  await Promise.race([running, listens.promise.then(meet)]);
  interrupt.abort();
  await running;
  return out;
}

const modelsAt = async (url: string): Promise<readonly string[]> =>
  ((await (await fetch(`${url}/v1/models`)).json()) as { data: readonly { id: string }[] }).data.map(({ id }) => id);

test("serves the models named until it is interrupted", async () => {
  let address = "";
  const words = ["--model", "llama-3.2-1b,Qwen/Qwen3-0.6B", "--gpu", "4090", "--speed", "max", "--port", "0"];
  const out = await runEngine([...words, "--kv-events", "0", "--fault", "busy:count=1;cut:chance=0.5"], async (url) => {
    address = url;
    expect(await modelsAt(url)).toEqual(["llama-3.2-1b", "qwen3-0.6b"]);
    const faults = (await (await fetch(`${url}/fate/faults`)).json()) as { standing: unknown };
    expect(faults.standing).toEqual([
      { kind: "cut", chance: 0.5 },
      { kind: "busy", count: 1 },
    ]);
  });
  expect(out).toMatch(
    /^fate engine listens at http:\/\/127\.0\.0\.1:\d+, 1 x rtx-4090-24g, llama-3\.2-1b in memory\nKV events at tcp port \d+\n$/,
  );
  await expect(fetch(address)).rejects.toThrow();
});

test.each([
  [["--model", "llama-3.1-8"], "did you mean llama-3.1-8b?"],
  [["--model", "deepseek-v3", "--gpu", "l4"], "does not fit on 1 x l4-24g"],
  [["--gpu", "h1000"], "expected one of a100-80g"],
  [["--gpu", "h"], 'found "h", which could be 3 GPUs, expected one of h100-80g, h100-nvl-94g, h200-141g'],
  [["--gpu", "rtx"], "expected one of rtx-6000-ada-48g, rtx-a6000-48g, rtx-4090-24g, rtx-3090-24g"],
  [["--speed", "fast"], "expected a number up to 1000000 such as 20 or 20x, or max"],
  [["--fault", "explode"], 'found kind "explode"'],
  [["--resident", "qwen3-8b"], "is none of the models"],
])("says what is wrong with %j", async (words, message) => {
  const refused = runEngine([...words, "--port", "0"], () => Promise.resolve());
  await expect(refused).rejects.toThrow(message);
  await expect(refused).rejects.toThrow(UsageError);
});

test.each([
  ["h100", "h100-80g"],
  ["H100-nvl", "h100-nvl-94g"],
  ["l4", "l4-24g"],
  ["l40", "l40s-48g"],
  ["6000", "rtx-6000-ada-48g"],
])("takes %s for %s, and says so", async (name, gpu) => {
  const words = ["--model", "llama-3.2-1b", "--gpu", name, "--gpus", "2", "--port", "0", "--json"];
  expect(JSON.parse(await runEngine(words, () => Promise.resolve()))).toMatchObject({ gpu, gpus: 2 });
});

test("a port that is taken is said to be", async () => {
  await runEngine(["--port", "0", "--speed", "20x"], async (url) => {
    const { port } = new URL(url);
    await expect(runEngine(["--port", port], () => Promise.resolve())).rejects.toThrow(`${port} is taken`);
  });
});

test("its help has examples", () => {
  expect(renderCommandHelp(engineCommand)).toContain("fate engine --speed 20x");
});
