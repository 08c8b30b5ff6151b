/** Each engine as of the time that is looked at: what is resident and cached, what runs and waits. */

import type { EngineState } from "../../state/engine-state.ts";
import type { App } from "./app.ts";
import { find, make, sized } from "./dom.ts";
import { VirtualList } from "./virtual-list.ts";
import { showBytes, showCount } from "./words.ts";

export function createEnginesView(app: App): () => void {
  const filter = find("engine-filter", HTMLInputElement);
  const list = new VirtualList<EngineState>({
    host: find("engine-list"),
    rowHeight: matchMedia("(max-width: 70rem)").matches ? 172 : 62,
    keyOf: ({ id }) => id,
    render: renderEngine,
  });
  filter.addEventListener("input", () => app.changed());
  return () => {
    const { scene } = app;
    if (scene === undefined || app.view !== "engines") return;
    if (!scene.tape.approach(app.sequence)) return app.soon();
    const words = filter.value.toLowerCase();
    const { cluster, workflows } = scene.tape.momentAt(app.sequence).state;
    const queued = [...cluster].reduce((sum, { queue }) => sum + queue.length, 0);
    find("engines-told").textContent =
      `${workflows.ready.length} stages wait for a placement, ${queued} shares are queued`;
    list.set([...cluster].filter((engine) => words === "" || namesOf(engine).includes(words)));
  };
}

function namesOf({ id, holding, residents }: EngineState): string {
  return `${id} ${holding.gpu.id} ${residents.map(({ model }) => model).join(" ")}`.toLowerCase();
}

function renderEngine(engine: EngineState): Node[] {
  const { holding, residents, up, role, switching, queue, running, kvTokens, prefixes } = engine;
  const { maxSequences } = holding.engine.batching;
  const state = up
    ? switching === undefined
      ? running.length > 0
        ? "busy"
        : "idle"
      : `becomes ${switching}`
    : "down or drains";
  let capacity = 0;
  for (const { model } of residents) capacity += holding.models.get(model)?.kvCapacityTokens ?? 0;
  const cached = [...prefixes].filter(([, cache]) => cache.tokens > 0);
  const waiting = [...new Set(queue.map(({ stage }) => stage.model))];
  return [
    make("div", {}, make("b", { text: engine.id }), make("div", { class: "quiet", text: holding.gpu.id })),
    make(
      "div",
      {},
      make("span", { class: up ? "" : "warn", text: state }),
      make("div", { class: "quiet", text: role === "both" ? "" : `${role} only` }),
    ),
    make(
      "div",
      { class: "chips" },
      ...residents.map(({ model, bytes, loading }) =>
        make("span", {
          class: loading ? "chip loading" : "chip",
          title: `${model}, ${showBytes(bytes)}`,
          text: loading ? `${model}, loading` : model,
        }),
      ),
      ...(residents.length === 0 ? [make("span", { class: "quiet", text: "nothing resident" })] : []),
    ),
    make(
      "div",
      { class: "quiet" },
      `${running.length} of ${maxSequences}`,
      make("div", { text: queue.length === 0 ? "none queued" : `${queue.length} queued`, title: waiting.join(", ") }),
    ),
    gauge("KV", kvTokens, capacity === Number.MAX_SAFE_INTEGER ? 0 : capacity),
    make(
      "div",
      { class: "quiet" },
      ...(cached.length === 0 ? ["nothing cached"] : []),
      ...cached.slice(0, 3).map(([model, cache]) =>
        make("div", {
          class: "cut",
          text: `${showCount(cache.tokens)} of ${model}`,
          title: `${model}: ${cache.tokens} tokens in ${cache.size} links`,
        }),
      ),
    ),
  ];
}

function gauge(name: string, value: number, most: number): HTMLElement {
  const words = most === 0 ? showCount(value) : `${showCount(value)} of ${showCount(most)}`;
  return make(
    "div",
    { class: "quiet" },
    `${name} ${words}`,
    make("div", { class: "meter" }, sized(make("i"), most === 0 ? 0 : value / most)),
  );
}
