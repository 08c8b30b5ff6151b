/** Elements, made and found. Text is set as text, never as markup, so whatever a journal says is shown as it is. */

type Props = Readonly<Record<string, string | boolean | undefined>>;

/** `text` is its text, a flag that is true an attribute without a value; what is undefined is left out. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  props: Props = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false) continue;
    if (name === "text") element.textContent = String(value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/** By its id, which stands in the page's own markup; of a kind that is known. */
export function find(id: string): HTMLElement;
export function find<T extends HTMLElement>(id: string, kind: new () => T): T;
export function find(id: string, kind: new () => HTMLElement = HTMLElement): HTMLElement {
  const element = document.querySelector(`#${id}`);
  if (!(element instanceof kind)) throw new Error(`the page has no ${id}`);
  return element;
}

export function all(selector: string): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>(selector)];
}

/**
 * Calls back with what was pressed, by pointer or by key. What is painted twice a second may be another element when the pointer is
 * let go than when it was set down; what counts is what was there then. Of an element that is gone by then no click comes.
 */
export function onPress(host: HTMLElement, selector: string, act: (pressed: HTMLElement | SVGElement) => void): void {
  let down: HTMLElement | SVGElement | undefined;
  const pick = ({ target }: Event): HTMLElement | SVGElement | undefined => {
    const found = target instanceof Element ? target.closest(selector) : null;
    return found instanceof HTMLElement || found instanceof SVGElement ? found : undefined;
  };
  host.addEventListener("pointerdown", (event) => (down = pick(event)));
  host.addEventListener("pointerup", () => {
    if (down === undefined || down.isConnected) return;
    const pressed = down;
    down = undefined;
    act(pressed);
  });
  host.addEventListener("click", (event) => {
    const pressed = down ?? pick(event);
    down = undefined;
    if (pressed !== undefined) act(pressed);
  });
  host.addEventListener("keydown", (event) => {
    const pressed = event.key === "Enter" || event.key === " " ? pick(event) : undefined;
    if (pressed === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    act(pressed);
  });
}

/** A share of the width; the policy of the page allows no style in markup. */
export function sized<T extends HTMLElement>(element: T, share: number): T {
  element.style.width = `${Math.max(0, Math.min(1, share)) * 100}%`;
  return element;
}

export function table(
  caption: string,
  heads: readonly (string | { readonly number: string })[],
  rows: readonly HTMLTableRowElement[],
): HTMLElement {
  const head = make(
    "tr",
    {},
    ...heads.map((name) =>
      typeof name === "string"
        ? make("th", { text: name, scope: "col" })
        : make("th", { text: name.number, class: "number", scope: "col" }),
    ),
  );
  return make(
    "div",
    { class: "wide" },
    make("table", {}, make("caption", { text: caption }), make("thead", {}, head), make("tbody", {}, ...rows)),
  );
}

export function cells(...texts: readonly (string | { readonly number: string } | Node)[]): HTMLTableCellElement[] {
  return texts.map((text) => {
    if (typeof text === "string") return make("td", { text });
    return text instanceof Node ? make("td", {}, text) : make("td", { class: "number", text: text.number });
  });
}
