/** A list of any length of which only the rows that are seen exist, with one of them chosen. */

import { make, onPress } from "./dom.ts";

export type ListOptions<Item> = {
  readonly host: HTMLElement;
  readonly rowHeight: number;
  readonly keyOf: (item: Item) => string;
  readonly render: (item: Item) => readonly (Node | string)[];
  /** Absent where nothing can be chosen. */
  readonly onChoose?: (key: string) => void;
};

export class VirtualList<Item> {
  readonly #options: ListOptions<Item>;
  readonly #space = make("div", { class: "virtual", role: "presentation" });
  #items: readonly Item[] = [];
  #chosen: string | undefined;

  constructor(options: ListOptions<Item>) {
    this.#options = options;
    const { host, onChoose } = options;
    host.append(this.#space);
    host.addEventListener("scroll", () => this.#paint(), { passive: true });
    new ResizeObserver(() => this.#paint()).observe(host);
    if (onChoose === undefined) return;
    onPress(this.#space, ".row", ({ dataset }) => onChoose(dataset["key"] ?? ""));
    host.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      this.move(step);
    });
  }

  /** Chooses the one so many rows further on. */
  move(step: number): void {
    const { keyOf, onChoose, rowHeight, host } = this.#options;
    const at = this.#items.findIndex((item) => keyOf(item) === this.#chosen);
    const next = Math.max(0, Math.min(this.#items.length - 1, (at < 0 && step > 0 ? -1 : at) + step));
    const item = this.#items[next];
    if (item === undefined) return;
    const top = next * rowHeight;
    if (top < host.scrollTop) host.scrollTop = top;
    else if (top + rowHeight > host.scrollTop + host.clientHeight) host.scrollTop = top + rowHeight - host.clientHeight;
    onChoose?.(keyOf(item));
  }

  set(items: readonly Item[], chosen?: string): void {
    this.#items = items;
    this.#chosen = chosen;
    this.#space.style.height = `${items.length * this.#options.rowHeight}px`;
    this.#paint();
  }

  #paint(): void {
    const { host, rowHeight, keyOf, render, onChoose } = this.#options;
    const first = Math.max(0, Math.floor(host.scrollTop / rowHeight) - 2);
    const last = Math.min(this.#items.length, Math.ceil((host.scrollTop + host.clientHeight) / rowHeight) + 2);
    const rows = this.#items.slice(first, last).map((item, offset) => {
      const index = first + offset;
      const chosen = keyOf(item) === this.#chosen;
      const role = onChoose === undefined ? { role: "listitem" } : { role: "option", "aria-selected": String(chosen) };
      const place = {
        "aria-posinset": String(index + 1),
        "aria-setsize": String(this.#items.length),
        "data-key": keyOf(item),
      };
      const row = make("div", { class: "row", id: `${host.id}-${index}`, ...role, ...place }, ...render(item));
      row.style.top = `${index * rowHeight}px`;
      row.style.height = `${rowHeight}px`;
      if (chosen) host.setAttribute("aria-activedescendant", row.id);
      return row;
    });
    this.#space.replaceChildren(...rows);
  }
}
