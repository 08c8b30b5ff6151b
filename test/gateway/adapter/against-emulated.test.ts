/** The adapters against the emulated engine, which speaks three makes' languages. */

import { expect, test } from "vitest";
import { createAdapter } from "../../../src/gateway/adapter/create-adapter.ts";
import type { SurfaceName } from "../../../src/emulate/options.ts";
import type { EmulatedEngine } from "../../../src/emulate/start-engine.ts";
import { engineOf, other, small } from "../../emulate/support.ts";
import { engine, patience, swift } from "./scripted-server.ts";

const first = small.id;
const second = other.id;

function start(surface: SurfaceName): Promise<EmulatedEngine> {
  return engineOf({ models: [small, other], maxResident: 1, surface });
}

test.each(["emulated", "ollama"] as const)("as %s", async (kind) => {
  await using server = await start("all");
  await using adapter = createAdapter(engine({ kind, url: server.url }), swift);
  expect(await adapter.look(patience)).toMatchObject({ resident: [first] });
  await adapter.load(second, patience);
  expect((await adapter.look(patience)).resident).toEqual([second]);
  await adapter.unload(second, patience);
  const { models: listed, resident } = await adapter.look(patience);
  expect([[...(listed ?? [])].sort(), resident]).toEqual([[first, second].sort(), []]);
});

test("as vLLM with sleep mode", async () => {
  await using server = await start("vllm");
  await using adapter = createAdapter(engine({ url: server.url }), swift);
  expect(await adapter.look(patience)).toMatchObject({
    models: [first],
    resident: [first],
    running: 0,
    waiting: 0,
    kvShare: 0,
  });
  await adapter.unload(first, patience);
  expect((await adapter.look(patience)).resident).toEqual([]);
  await adapter.load(first, patience);
  expect((await adapter.look(patience)).resident).toEqual([first]);
});
