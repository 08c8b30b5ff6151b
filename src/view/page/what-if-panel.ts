/** What would have been under round-robin: asked for on demand, answered by the simulator, and labelled as such. */

import { showDuration } from "../draw/axis.ts";
import type { Scene } from "../scene/scene.ts";
import { toLearntHeader, toWorkflows } from "../scene/to-workload.ts";
import { mostWhatIfStages, mostWhatIfWorkflows, whatIfPath, type WhatIfAnswer } from "../what-if.ts";
import type { App } from "./app.ts";
import { find } from "./dom.ts";
import { showCount } from "./words.ts";

export function createWhatIfPanel(app: App): () => void {
  const button = find("ask-what-if", HTMLButtonElement);
  const told = find("what-if-told");
  let of: Scene | undefined;
  const ask = async (): Promise<void> => {
    const { scene } = app;
    if (scene === undefined) return;
    const workflows = toWorkflows(scene, { workflows: mostWhatIfWorkflows, stages: mostWhatIfStages });
    if (workflows.length === 0) {
      told.textContent = "No workflow has ended yet.";
      return;
    }
    button.disabled = true;
    told.textContent = `Replaying ${workflows.length} workflows in the simulator…`;
    try {
      const text = tell(await answerOf(app, scene, workflows), workflows.length);
      if (app.scene === scene) told.textContent = text;
    } catch (error) {
      if (app.scene === scene) told.textContent = error instanceof Error ? error.message : String(error);
    } finally {
      button.disabled = false;
    }
  };
  button.addEventListener("click", () => void ask());
  return () => {
    find("what-if").hidden = !app.known.whatIf || app.scene === undefined;
    if (of === app.scene) return;
    of = app.scene;
    told.textContent = "";
  };
}

async function answerOf(app: App, scene: Scene, workflows: readonly object[]): Promise<WhatIfAnswer> {
  const header = toLearntHeader(scene);
  const lines = [header, { version: 1, id: "what-if", models: header.models }, ...workflows];
  const response = await fetch(whatIfPath, {
    method: "POST",
    headers: app.key === "" ? {} : { authorization: `Bearer ${app.key}` },
    body: lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
  });
  const answer: unknown = await response.json();
  if (response.ok) return answer as WhatIfAnswer;
  const { error } = answer as { readonly error?: { readonly message?: string } };
  throw new Error(error?.message ?? `The server answered ${response.status}.`);
}

/** Both sides are simulated: a run on real engines is not held against a simulated one. */
function tell({ own, other }: WhatIfAnswer, workflows: number): string {
  const savedUs = other.meanLatencyUs - own.meanLatencyUs;
  const share = other.meanLatencyUs === 0 ? 0 : (savedUs / other.meanLatencyUs) * 100;
  const time = `mean latency ${showDuration(own.meanLatencyUs)}, ${showDuration(other.meanLatencyUs)} under ${other.policy}`;
  const saved = savedUs >= 0 ? `${share.toFixed(0)} % saved` : `${(-share).toFixed(0)} % lost`;
  const swaps = other.swaps - own.swaps;
  const cached = own.cachedTokens - other.cachedTokens;
  const more = [
    swaps >= 0 ? `${showCount(swaps)} swaps avoided` : `${showCount(-swaps)} swaps more`,
    cached >= 0 ? `${showCount(cached)} tokens not computed` : `${showCount(-cached)} tokens more computed`,
  ];
  return `Simulated, last ${workflows} workflows: ${time} (${saved}), ${more.join(", ")}.`;
}
