/** Where to point a client: the page's own address, and a model that is there, in every snippet. */

import type { App } from "./app.ts";
import { all } from "./dom.ts";

const usual = "http://127.0.0.1:7373";

export function createConnectView(app: App): () => void {
  const texts = all("[data-origin]").map((element) => ({ element, text: element.textContent }));
  let shown = "";
  for (const button of all("[data-copy]")) {
    button.addEventListener("click", () => void copy(button));
  }
  return () => {
    const { engines = [] } = app.scene?.header.cluster ?? {};
    const model =
      engines.flatMap(({ resident }) => resident)[0] ?? engines.flatMap(({ models = [] }) => models)[0] ?? "MODEL";
    if (shown === model) return;
    shown = model;
    for (const { element, text } of texts)
      element.textContent = text.replaceAll(usual, location.origin).replaceAll("MODEL", model);
  };
}

async function copy(button: HTMLElement): Promise<void> {
  const { previousElementSibling: text } = button;
  if (text === null) return;
  try {
    await navigator.clipboard.writeText(text.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection()?.selectAllChildren(text);
    button.textContent = "Selected";
  }
  setTimeout(() => (button.textContent = "Copy"), 1500);
}
