/** Workflows, those first whose deadlines are most in danger. */

import type { Outlook } from "../scene/outlook.ts";
import type { Scene } from "../scene/scene.ts";
import type { WorkflowStory } from "../scene/stories.ts";
import type { App } from "./app.ts";
import { find, make, sized } from "./dom.ts";
import { VirtualList } from "./virtual-list.ts";
import { showRisk } from "./words.ts";

type Item = { readonly workflow: WorkflowStory; readonly outlook: Outlook };

export type WorkflowList = {
  readonly paint: () => void;
  readonly move: (step: number) => void;
};

export function createWorkflowList(app: App): WorkflowList {
  const filter = find("filter", HTMLInputElement);
  const which = find("which", HTMLSelectElement);
  const list = new VirtualList<Item>({
    host: find("list"),
    rowHeight: 51,
    keyOf: ({ workflow }) => workflow.id,
    render: (item) => renderRow(item, app.atUs),
    onChoose: (id) => app.choose(id),
  });
  let items: Item[] = [];
  let gathered = "";
  let of: Scene | undefined;
  filter.addEventListener("input", () => app.changed());
  which.addEventListener("change", () => app.changed());
  return {
    paint: () => {
      // Choosing one of them changes none of them.
      const state = [app.runs.length, app.sequence, app.atUs, filter.value, which.value].join("\n");
      if (state !== gathered || app.scene !== of) items = gather(app, filter.value.toLowerCase(), which.value);
      [gathered, of] = [state, app.scene];
      list.set(items, app.workflow);
      find("list-title").textContent = `Workflows (${items.length})`;
    },
    move: (step) => list.move(step),
  };
}

function gather({ scene, atUs }: App, words: string, which: string): Item[] {
  if (scene === undefined) return [];
  const items: Item[] = [];
  for (const workflow of scene.stories.workflows.values()) {
    if (workflow.arrive.atUs > atUs) continue;
    const over = workflow.endUs <= atUs;
    if ((which === "open" && over) || (which === "over" && !over)) continue;
    if (words !== "" && !namesOf(workflow).includes(words)) continue;
    items.push({ workflow, outlook: scene.outlooks.of(workflow, atUs) });
  }
  return which === "arrival" ? items : items.sort(compareRisk);
}

/** What is over has no urgency any more, and comes last; of it, what ended last comes first. */
function compareRisk(left: Item, right: Item): number {
  const urgency = right.outlook.urgency - left.outlook.urgency;
  if (urgency !== 0) return urgency;
  if (left.workflow.endUs !== right.workflow.endUs) return right.workflow.endUs - left.workflow.endUs;
  return compareArrival(left, right);
}

function compareArrival(left: Item, right: Item): number {
  return left.workflow.arrive.sequence - right.workflow.arrive.sequence;
}

function namesOf({ id, arrive }: WorkflowStory): string {
  return `${id} ${arrive.class ?? ""} ${arrive.tenant ?? ""}`.toLowerCase();
}

function renderRow({ workflow, outlook }: Item, atUs: number): Node[] {
  const { id, arrive, outcome } = workflow;
  const { done, stages, risk, stretch, deadlineUs, endUs } = outlook;
  const sort = [arrive.class, arrive.tenant].filter((part) => part !== undefined).join(" · ");
  const words =
    outcome === "abandoned" && workflow.endUs <= atUs ? "▲ abandoned" : showRisk(risk, deadlineUs, endUs, atUs);
  return [
    make(
      "div",
      { class: "line" },
      make("span", { class: "name" }, make("b", { text: id })),
      make("span", { class: `risk ${risk}`, text: words }),
    ),
    make(
      "div",
      { class: "line quiet" },
      make("span", {
        class: "name",
        text: sort === "" ? `${done} of ${stages} stages` : `${sort}, ${done} of ${stages} stages`,
      }),
      make("span", { class: "number", text: stretch >= 0.05 ? `${stretch.toFixed(1)} × alone` : "" }),
    ),
    make("div", { class: "meter" }, sized(make("i"), stages === 0 ? 0 : done / stages)),
  ];
}
